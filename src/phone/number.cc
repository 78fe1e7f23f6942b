/*
 * number.cc: see number.h. The only C++ in the house: libphonenumber has no C interface. No exception
 * leaves this file.
 */
#include "phone/number.h"

#include <malloc.h>
#include <phonenumbers/phonenumberutil.h>

#include <cstring>
#include <string>

extern "C" {
#include "base/str.h"
}

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

static const char OURS[] = "the number could not be read";

/* The digits and nothing but what people put between them. A letter would be dialed as its key. */
static bool
written_well(const char *text)
{
	size_t len = strlen(text);

	return len <= PHONE_TEXT_MAX && strspn(text, "0123456789+-./() ") == len;
}

static const char *
explain(PhoneNumberUtil::ErrorType error)
{
	switch (error) {
	case PhoneNumberUtil::INVALID_COUNTRY_CODE_ERROR:
		return "there is no such country code";
	case PhoneNumberUtil::TOO_SHORT_AFTER_IDD:
	case PhoneNumberUtil::TOO_SHORT_NSN:
		return "it is too short";
	case PhoneNumberUtil::TOO_LONG_NSN:
		return "it is too long";
	default:
		return "it is no phone number";
	}
}

static const char *
explain_length(PhoneNumberUtil::ValidationResult result)
{
	switch (result) {
	case PhoneNumberUtil::INVALID_COUNTRY_CODE:
		return "there is no such country code";
	case PhoneNumberUtil::TOO_SHORT:
		return "it is too short";
	case PhoneNumberUtil::TOO_LONG:
		return "it is too long";
	case PhoneNumberUtil::IS_POSSIBLE_LOCAL_ONLY:
		return "its area code is missing";
	default:
		return "no number there is that long";
	}
}

static const char *
read_number(const char *text, const char *region, char out[PHONE_NUMBER_SIZE])
{
	const PhoneNumberUtil *util = PhoneNumberUtil::GetInstance();
	PhoneNumberUtil::ValidationResult possible;
	PhoneNumberUtil::ErrorType error;
	PhoneNumber number;
	std::string e164;

	error = util->Parse(text, region, &number);
	if (error != PhoneNumberUtil::NO_PARSING_ERROR)
		return explain(error);
	possible = util->IsPossibleNumberWithReason(number);
	if (possible != PhoneNumberUtil::IS_POSSIBLE)
		return explain_length(possible);
	util->Format(number, PhoneNumberUtil::E164, &e164);
	if (!str_e164(e164.c_str()))
		return "it cannot be dialed from abroad";
	memcpy(out, e164.c_str(), e164.size() + 1);
	return NULL;
}

extern "C" void
phone_init(void)
{
	try {
		(void)PhoneNumberUtil::GetInstance();
	} catch (...) { /* the first number will say so */
	}
	/* Loading leaves thousands of free pieces. Whoever sorts them writes into their pages: this
	 * process once, or every child for itself (0.7 MiB each). */
	malloc_trim(0);
}

extern "C" bool
phone_region(const char *region)
{
	try {
		return strlen(region) == 2 && strspn(region, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 2 &&
		    PhoneNumberUtil::GetInstance()->GetCountryCodeForRegion(region) != 0;
	} catch (...) {
		return false;
	}
}

extern "C" const char *
phone_read(const char *text, const char *region, char out[PHONE_NUMBER_SIZE])
{
	if (str_e164(text)) {
		memcpy(out, text, strlen(text) + 1);
		return NULL;
	}
	if (!written_well(text))
		return "it must be digits, with nothing but + - . / ( ) and spaces between them";
	try {
		return read_number(text, region, out);
	} catch (...) {
		return OURS;
	}
}
