#include "trace/words.h"

const char *word_device_kind(unsigned kind)
{
	switch (kind) {
	case DEVICE_GATEWAY: return "gateway";
	case DEVICE_MACHINE: return "machine";
	case DEVICE_SENSOR: return "sensor";
	}
	return NULL;
}

const char *word_payload_format(unsigned format)
{
	switch (format) {
	case FORMAT_NONE: return "none";
	case FORMAT_JSON: return "json";
	case FORMAT_CSV: return "csv";
	case FORMAT_SENML: return "senml";
	}
	return NULL;
}

const char *word_device_state(unsigned state)
{
	switch (state) {
	case DEVICE_ACTIVE: return "active";
	case DEVICE_SUSPENDED: return "suspended";
	case DEVICE_REVOKED: return "revoked";
	}
	return NULL;
}

const char *word_service_kind(unsigned kind)
{
	switch (kind) {
	case SERVICE_CALIBRATION: return "calibration";
	case SERVICE_SCHEDULING: return "scheduling";
	}
	return NULL;
}
