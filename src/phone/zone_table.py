#!/usr/bin/python3
"""Writes zone_table.c: the time zones of phone numbers by prefix, from the phonenumbers package."""

import re

from phonenumbers.tzdata import TIMEZONE_DATA

print('#include "phone/zones.h"\n\nconst struct phone_zone phone_zone_table[] = {')
for prefix, zones in sorted(TIMEZONE_DATA.items()):
    assert prefix.isdigit() and all(re.fullmatch(r"[A-Za-z0-9_/+-]+", zone) for zone in zones)
    print(f'\t{{ "{prefix}", "{{{",".join(zones)}}}" }},')
print("};\n\nconst int phone_zone_count = sizeof phone_zone_table / sizeof phone_zone_table[0];")
