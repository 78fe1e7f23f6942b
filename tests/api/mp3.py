"""Reads an MP3 frame by frame: MPEG audio, layer III, versions 1, 2 and 2.5."""

# Hz and kbit/s by the bits of a frame's header.
RATES = {3: [44100, 48000, 32000], 2: [22050, 24000, 16000], 0: [11025, 12000, 8000]}
KBITS = {3: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
         2: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]}
KBITS[0] = KBITS[2]


def lengths(data):
    """The length of each frame in seconds; ValueError where there is something else between them."""
    at, found = 0, []
    if data[:3] == b"ID3":
        size = 0
        for byte in data[6:10]:
            size = size << 7 | byte & 0x7f
        at = 10 + size
    while at + 4 <= len(data):
        head = int.from_bytes(data[at:at + 4], "big")
        if head >> 21 != 0x7ff or head >> 17 & 3 != 1:
            raise ValueError(f"no frame at {at}")
        version = head >> 19 & 3
        kbits, rate = KBITS[version][head >> 12 & 15], RATES[version][head >> 10 & 3]
        at += (144000 if version == 3 else 72000) * kbits // rate + (head >> 9 & 1)
        found.append((1152 if version == 3 else 576) / rate)
    if at != len(data) or not found:
        raise ValueError("the last frame is cut")
    return found


def frames(data):
    return len(lengths(data))


def seconds(data):
    return sum(lengths(data))
