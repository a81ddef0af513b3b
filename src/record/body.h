/* Bodies: the payload of each statement type, as C shapes and as deterministic CBOR.
 *
 * A body is a CBOR map with small integer keys in ascending order; the number beside each
 * field is its key. Absent optional fields are left out, and so are empty lists; writing
 * them out is refused. Always there: numbers, decimals, digests without "zero: none", keys,
 * and the texts that name something (name, role, model, id, unit, kind, type, device,
 * reason in lists, action, signal of a bound, person). Entries of lists whose fields have
 * no number are arrays. There is no floating point: a measurement is a decimal,
 * mantissa * 10^exponent. Names and texts are borrowed spans.
 * Each encode and decode pair stands in one file (record/body_*.c), in the same order.
 * Every decode ends E_MALFORMED or E_LIMIT with a sentence in `fault`. */
#ifndef TALLY_RECORD_BODY_H
#define TALLY_RECORD_BODY_H

#include "record/statement.h"

enum {
	BODY_TEXT_MAX = 400,
	BODY_SIGNALS_MAX = 64,
	BODY_RANGES_MAX = 512,
	BODY_PARAMETERS_MAX = 64,
	BODY_REASONS_MAX = 16,
	BODY_DETAILS_MAX = 32,
};

/* mantissa * 10^exponent, as [mantissa, exponent]; exponent in [-18, 18]. One form only:
 * no trailing decimal zeros in the mantissa unless the exponent is 18, and 0 is [0, 0]. */
struct decimal {
	int64_t mantissa;
	int32_t exponent;
};

/* The decimal nearest to value with at most 15 significant digits. NaN and infinities
 * are not measurements: they give 0. What is too large gives the largest. */
struct decimal decimal_of(double value);
double decimal_value(struct decimal decimal);
/* The one form of a decimal; encoding applies it. */
struct decimal decimal_normal(struct decimal decimal);
/* Append it exactly, without an exponent: "61.2", "-0.05", "1200". */
void decimal_text(struct decimal decimal, struct buffer *out);

/* -- 1 ORG: self-signed; part of the genesis ---------------------------------------- */
struct body_org {
	struct span name;             /* 1 shown to people */
	struct span role;             /* 2 "manufacturer" "supplier" "repair" "regulator" */
	struct public_key record_key; /* 3 signs statements */
	struct public_key node_key;   /* 4 signs blocks */
	struct public_key checkpoint_key; /* 5 signs checkpoints */
	struct digest tls_key;        /* 6 SHA-256 of the node's TLS SubjectPublicKeyInfo */
	struct span address;          /* 7 host:port for peers */
	struct digest root_key;       /* 8 SHA-256 of the root's SubjectPublicKeyInfo (host/root.h); zero: it has no root */
};

/* -- 2 PERSON -------------------------------------------------------------------------- */
struct body_person {
	struct span role;             /* 1 "engineer" "inspector" */
	struct public_key key;        /* 2 */
};

/* -- 4 DEVICE: registered by the organisation that owns it -------------------------- */
enum device_kind { DEVICE_GATEWAY = 1, DEVICE_MACHINE = 2, DEVICE_SENSOR = 3 };
enum payload_format { FORMAT_NONE = 0, FORMAT_JSON = 1, FORMAT_CSV = 2, FORMAT_SENML = 3 };

struct body_signal {
	struct span id;               /* 1 "bearing_temperature" */
	struct span field;            /* 2 JSON member, CSV column number, SenML name */
	struct span raw_unit;         /* 3 UCUM unit the device speaks */
	struct span unit;             /* 4 UCUM unit of the samples */
	uint32_t period_ms;           /* 5 expected time between samples */
	uint32_t stuck_count;         /* 6 equal raw values in a row that mean "stuck"; 0 never */
};

struct body_device {
	uint32_t kind;                /* 1 enum device_kind */
	struct span model;            /* 2 maker's type designation */
	struct span gateway;          /* 3 the gateway that speaks for it; empty for gateways */
	struct digest firmware;       /* 4 SHA-256 of its firmware image */
	uint32_t format;              /* 5 enum payload_format */
	struct body_signal signals[BODY_SIGNALS_MAX]; /* 6 */
	size_t signal_count;
	bool has_key;                 /* 7 a gateway's statement key; machines have a MAC key only */
	struct public_key key;
	struct digest tls_key;        /* 8 gateways: SHA-256 of the TLS SubjectPublicKeyInfo; zero: none */
	struct span site;             /* 9 where it stands, ISA-95 path "enterprise/site/area/line/cell" */
	struct span critical;         /* 10 critical events it may raise, space separated: "fire" "power" "door"; may be empty */
	struct span commands;         /* 11 commands it obeys, space separated: "reduce_speed stop start_maintenance" */
};

/* -- 9 EVENT: EPCIS words (CBV 2.0), kept small until the supply chain rooms come ------- */
struct body_detail {
	struct span name;
	struct span text;
};

struct body_event {
	struct span kind;             /* 1 "order" "consignment" "equipment_history" */
	struct span type;             /* 2 "TransactionEvent" "ObjectEvent" "AssociationEvent" */
	struct span step;             /* 3 CBV bizStep: "accepting" "shipping" "installing" ... */
	int64_t time_ms;              /* 4 eventTime */
	struct span place;            /* 5 readPoint */
	struct span items[8];         /* 6 identifiers of things */
	size_t item_count;
	struct body_detail details[BODY_DETAILS_MAX]; /* 7 */
	size_t detail_count;
};

/* -- 12 BOUNDS: static bounds of a device, registered by its owner ------------------- */
struct body_bound {
	struct span signal;           /* 1 */
	struct span unit;             /* 2 UCUM */
	struct decimal low;           /* 3 */
	struct decimal high;          /* 4 */
	struct decimal rate;          /* 5 largest change in one second; 0: no limit */
	struct decimal resolution;    /* 6 smallest step that means something */
	uint32_t deadline_ms;         /* 7 age of information beyond which the signal is silent */
};

struct body_bounds {
	uint64_t version;             /* 1 from 1 upwards */
	struct body_bound bounds[BODY_SIGNALS_MAX]; /* 2 */
	size_t bound_count;
	struct span source;           /* 3 where the numbers come from */
};

/* -- 10 ANCHOR: by a gateway; sub is the gateway's site ------------------------------ */
enum evidence_class { EVIDENCE_NONE = 0, EVIDENCE_GATEWAY = 1, EVIDENCE_DEVICE = 2 };
const char *evidence_class_name(unsigned class);

struct body_range {
	struct span device;           /* 1 */
	struct digest registration;   /* 2 id of the DEVICE statement in force */
	struct digest bounds;         /* 3 id of the BOUNDS statement in force; zero: none */
	struct digest model;          /* 4 id of the MODEL statement in force; zero: none */
	uint64_t first_seq;           /* 5 device message numbers */
	uint64_t last_seq;            /* 6 */
	uint64_t missing;             /* 7 numbers in between that never came */
	uint64_t samples;             /* 8 */
};

struct body_reason {
	struct span reason;           /* wrangling reason, such as "missing" */
	uint64_t count;
};

struct body_anchor {
	struct digest chunk;          /* 1 SHA-256 of the chunk's bytes = its name */
	struct digest root;           /* 2 RFC 9162 root over the samples' leaves */
	uint64_t samples;             /* 3 leaves */
	uint64_t size;                /* 4 bytes of the chunk */
	int64_t first_ns;             /* 5 */
	int64_t last_ns;              /* 6 */
	struct body_range ranges[BODY_RANGES_MAX]; /* 7 by whom */
	size_t range_count;
	struct digest wrangling;      /* 8 how: digest of the wrangling rules in force */
	struct digest firmware;       /* 9 how: the gateway's own */
	uint32_t evidence;            /* 10 enum evidence_class */
	struct span site;             /* 11 where */
	struct span purpose;          /* 12 why: "condition monitoring" */
	struct body_reason flagged[BODY_REASONS_MAX]; /* 13 samples by reason, reasons ascending */
	size_t flagged_count;
	struct body_reason refused[BODY_REASONS_MAX]; /* 14 messages refused since the last anchor */
	size_t refused_count;
};

/* -- 11 MODEL: sub is the device; parents: previous model, anchors, service ------------- */
struct body_parameter {
	struct span name;             /* "bearing_temperature.pole" */
	struct decimal value;
};

struct body_model {
	uint64_t version;             /* 1 */
	struct span kind;             /* 2 "first-order" */
	struct body_parameter parameters[BODY_PARAMETERS_MAX]; /* 3 names ascending */
	size_t parameter_count;
	struct decimal error_before;  /* 4 error on held-out data, unit of residual sigma; 0 in the first version */
	struct decimal error_after;   /* 5 */
	struct span reason;           /* 6 "commissioning" "calibration" */
};

/* -- 23 DEVICE_STATE: sub is the device ------------------------------------------------ */
enum device_state { DEVICE_ACTIVE = 1, DEVICE_SUSPENDED = 2, DEVICE_REVOKED = 3 };

struct body_device_state {
	uint32_t state;               /* 1 */
	struct span reason;           /* 2 */
};

/* -- 24 DISTURBANCE: sub is the device; parents: anchor, then bounds or model, registration */
enum disturbance_kind {
	DISTURBANCE_BOUNDS = 1, DISTURBANCE_DRIFT = 2, DISTURBANCE_FROZEN = 3, DISTURBANCE_SILENT = 4,
	DISTURBANCE_FORGED = 5, DISTURBANCE_UNREGISTERED = 6, DISTURBANCE_REVOKED = 7,
	DISTURBANCE_MALFORMED = 8, DISTURBANCE_MISSING = 9, DISTURBANCE_REPLAY = 10, DISTURBANCE_KIND_END
};
const char *disturbance_kind_name(unsigned kind);
enum diagnosis { DIAGNOSIS_NONE = 0, DIAGNOSIS_SENSOR = 1, DIAGNOSIS_MACHINE = 2, DIAGNOSIS_INTEGRITY = 3, DIAGNOSIS_END };
const char *diagnosis_name(unsigned diagnosis); /* "none" "sensor_fault" "machine_fault" "data_integrity_fault" */

struct body_disturbance {
	uint32_t kind;                /* 1 */
	uint32_t diagnosis;           /* 2 */
	struct span signal;           /* 3 may be empty: the whole device */
	int64_t time_ns;              /* 4 of the reading that showed it */
	int64_t detected_ns;          /* 5 */
	struct decimal value;         /* 6 */
	struct decimal expected;      /* 7 the bound crossed, or the model's prediction */
	uint64_t seq;                 /* 8 device message number of the reading */
	struct digest chunk;          /* 9 zero: no sample (a refused message) */
	uint64_t leaf;                /* 10 index of the sample in the chunk */
	struct span explanation;      /* 11 one sentence for the engineer */
	uint64_t count;               /* 12 occurrences so far (refusals are gathered) */
};

/* -- 25 SERVICE: sub is the device; parents: disturbance ------------------------------- */
enum service_kind { SERVICE_CALIBRATION = 1, SERVICE_SCHEDULING = 2 };

struct body_option {
	struct span action;           /* 1 "reduce_speed" "start_maintenance" "stop" "continue" */
	struct decimal setting;       /* 2 */
	struct decimal predicted;     /* 3 what the twin foretold for the signal at the horizon */
	struct decimal cost;          /* 4 lost production, share of nominal hours */
	bool feasible;                /* 5 stays within the bounds on the twin */
};

struct body_service {
	uint32_t kind;                /* 1 */
	bool accepted;                /* 2 */
	struct decimal error_before;  /* 3 calibration: on held-out data */
	struct decimal error_after;   /* 4 */
	struct body_option options[8];/* 5 scheduling: all that were tried on the twin */
	size_t option_count;
	uint32_t chosen;              /* 6 index; meaningful when accepted and options exist */
	struct span explanation;      /* 7 */
};

/* -- 26 COMMAND, 27 RESULT: sub is the device ------------------------------------------ */
struct body_command {
	struct span action;           /* 1 */
	struct decimal setting;       /* 2 */
	int64_t time_ns;              /* 3 */
};

struct body_result {
	struct digest command;        /* 1 also a parent */
	bool done;                    /* 2 */
	struct span detail;           /* 3 */
	int64_t time_ns;              /* 4 */
};

/* -- 28 CRITICAL, 29 ACK ------------------------------------------------------------- */
struct body_critical {
	struct span kind;             /* 1 "fire" "power" "door" */
	int64_t time_ns;              /* 2 by the device's clock */
	int64_t received_ns;          /* 3 by the gateway's clock */
	int64_t acted_ns;             /* 4 local log on disk and action done */
	struct span action;           /* 5 what was done locally */
	struct span detail;           /* 6 */
};

struct body_ack {
	struct digest target;         /* 1 also a parent */
	struct span person;           /* 2 registered person */
	struct span comment;          /* 3 */
	int64_t time_ns;              /* 4 */
};

/* -- 30 EVIDENCE: sub is the member organisation that lied ----------------------------- */
enum lie { LIE_EQUIVOCATION = 1, LIE_FORK = 2, LIE_END };
const char *lie_name(unsigned lie); /* "equivocation" "fork" */
enum { BODY_PROOF_MAX = 16 * 1024 };

/* What convicts: docs/ledger.md, "Equivocation". Checked by ledger/evidence.h. */
struct body_evidence {
	struct span accused;          /* 1 "org:supplier" */
	uint32_t lie;                 /* 2 enum lie */
	struct span first;            /* 3 the signed header of a block; or a cosignature, as members exchange it */
	struct span second;           /* 4 the header of another block of the same slot; empty for a fork */
};

/* -- 31 MEMBER, 32 VOTE: sub is the organisation that is to become, be no more, or get new keys as a member ----- */
enum member_change { MEMBER_ADD = 1, MEMBER_REMOVE = 2, MEMBER_ROTATE = 3, MEMBER_CHANGE_END };
const char *member_change_name(unsigned change); /* "add" "remove" "rotate" */
enum { BODY_ORG_STATEMENT_MAX = 16 * 1024 };

/* The issuer votes for its own proposal by making it. */
struct body_member {
	uint32_t change;              /* 1 enum member_change */
	struct span organisation;     /* 2 its ORG statement, as in a genesis: signed with the new record key. Empty for REMOVE */
	struct span reason;           /* 3 for people */
};

/* The newest vote of a member counts, while the proposal is open. */
struct body_vote {
	struct digest proposal;       /* 1 id of the MEMBER statement; also a parent */
	bool yes;                     /* 2 */
};

#define BODY_CODEC(name)                                                              \
	void body_##name##_encode(const struct body_##name *body, struct buffer *out); \
	MUST_USE enum status body_##name##_decode(struct span bytes, struct body_##name *out, struct fault *fault)

BODY_CODEC(org);
BODY_CODEC(person);
BODY_CODEC(device);
BODY_CODEC(event);
BODY_CODEC(bounds);
BODY_CODEC(anchor);
BODY_CODEC(model);
BODY_CODEC(device_state);
BODY_CODEC(disturbance);
BODY_CODEC(service);
BODY_CODEC(command);
BODY_CODEC(result);
BODY_CODEC(critical);
BODY_CODEC(ack);
BODY_CODEC(evidence);
BODY_CODEC(member);
BODY_CODEC(vote);

/* Decode by type and throw the result away: is this a valid body? E_MALFORMED, E_LIMIT;
 * E_UNKNOWN for a type that does not exist. */
MUST_USE enum status body_check(unsigned type, struct span bytes, struct fault *fault);

#endif
