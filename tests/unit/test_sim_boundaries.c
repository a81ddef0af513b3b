/* A crash at every boundary of one member, enumerated. A story (four members, some twenty statements, the member alone for a
 * while) is told once without a crash, to list every append and every deed of that member. Then it is told again for each of
 * them, up to the very same moment, and the member dies there: killed, with the frame not begun or half written, or without
 * power, with nothing of what was not flushed, or any part of it, alone or with all others. Besides, power is cut after each
 * step that wrote, before its flush. It comes back, and everything must be final at everybody, with all invariants of the simulator.
 *
 * By default some of each kind for each member; all of them, in three stories, with TALLY_ALL=1. */
#include "sim_story.h"

#include "crypto/hash.h"

#include <stdlib.h>

enum { MEMBERS = 4, MANY = INT32_MAX, APART_MS = 400, TOGETHER_MS = 900, STORM_MS = 2600, STATEMENTS = 4 };

enum boundary_kind { BOUNDARY_APPEND, BOUNDARY_DEED, BOUNDARY_WRITTEN };

struct boundary {
	enum boundary_kind kind;
	unsigned detail;              /* of the frame, or of the deed: what makes it another kind of boundary */
	uint64_t number;              /* boundaries before it; WRITTEN: steps of the simulation before it */
	size_t begin, end;            /* APPEND: the frame, in the log */
};

struct boundaries {
	struct boundary *items;
	size_t count, capacity;
	struct buffer log;            /* of the member, when nothing crashed */
};

enum death { DEATH_BEFORE, DEATH_TORN, DEATH_POWER_LOSES_ALL, DEATH_POWER, DEATH_OF_ALL, DEATHS };

struct story {
	uint64_t seed;
	bool told;                    /* connections break, rather than fall silent */
	bool halves;                  /* two and two, rather than one alone */
};

/* -- the story --------------------------------------------------------------------------------------------- */

static struct sim *begin(const struct story *story, uint16_t victim)
{
	struct sim *sim = story_begin(story->seed, MEMBERS, 0, STORM_MS * SIM_MS);
	for (size_t i = 0; i < sim->client_count; i++)
		sim->clients[i].wanted = STATEMENTS;
	sim->member[victim].disk.flush_us = 2 * SIM_MS;
	return sim;
}

static bool is_apart(const struct story *story, uint16_t victim, uint16_t a, uint16_t b)
{
	if (story->halves)
		return (a % 2) != (b % 2);
	return a == victim || b == victim;
}

/* One more step, or the network changes: members act then, too. */
static bool go_on(struct sim *sim, const struct story *story, uint16_t victim)
{
	bool apart = sim->now_us >= APART_MS * SIM_MS && sim->now_us < TOGETHER_MS * SIM_MS;
	if (apart && sim->network.partition == 0) {
		sim->network.partition = 1;
		for (uint16_t a = 0; a < MEMBERS; a++)
			for (uint16_t b = 0; b < MEMBERS; b++)
				if (is_apart(story, victim, a, b))
					story_block(sim, a, b);
		if (story->told && !story->halves)
			network_member_down(sim, victim);
		return true;
	}
	if (!apart && sim->network.partition == 1 && sim->now_us >= TOGETHER_MS * SIM_MS) {
		sim->network.partition = 2;
		network_heal(sim);
		return true;
	}
	return sim_step(sim);
}

/* -- listing ------------------------------------------------------------------------------------------------- */

static void add(struct boundaries *all, struct boundary boundary)
{
	ARRAY_GROW(all->items, all->count, all->capacity);
	all->items[all->count++] = boundary;
}

static unsigned frame_detail(const struct log_frame *frame, uint16_t victim)
{
	struct block block;
	bool own = frame->kind == REPLICA_FRAME_BLOCK && block_parse(frame->bytes, &block, NULL) == OK && block.author == victim;
	return frame->kind * 2u + own;
}

static unsigned deed_detail(const struct deed *deed)
{
	const uint8_t *bytes = deed->action.bytes.data;
	return deed->action.kind * 65536u + (deed->action.kind == REPLICA_SEND && deed->action.bytes.size > 9 ? bytes[0] * 256u + (bytes[0] == 1 ? bytes[9] : 0u) : 0);
}

static uint64_t list_appends(struct boundaries *all, const struct sim *sim, uint16_t victim, size_t from, uint64_t number, bool stepped)
{
	const struct buffer *log = &sim->member[victim].disk.bytes;
	uint64_t count = 0;
	for (size_t at = from, size; at < log->size; at += size, count++) {
		struct log_frame frame;
		assert_int_equal(log_frame_read(span_after(buffer_span(log), at), at, &frame, &size), OK);
		add(all, (struct boundary){BOUNDARY_APPEND, frame_detail(&frame, victim), number + count, at, at + size});
	}
	if (count && stepped)
		add(all, (struct boundary){.kind = BOUNDARY_WRITTEN, .number = sim->steps});
	return count;
}

/* Everything that the victim does before the storm's end, once. */
static void list(const struct story *story, uint16_t victim, struct boundaries *all)
{
	struct sim *sim = begin(story, victim);
	struct member *member = &sim->member[victim];
	unsigned *details = NULL;
	size_t capacity = 0;
	member->boundary = MANY;
	while (sim->phase == PHASE_STORM && !sim_over(sim)) {
		uint64_t number = (uint64_t)(MANY - member->boundary);
		size_t log = member->disk.bytes.size, deeds = member->deed_count;
		if (deeds > capacity)
			details = memory_resize(details, capacity = deeds, sizeof *details);
		for (size_t i = 0; i < deeds; i++)
			details[i] = deed_detail(&member->deeds[i]);
		uint64_t steps = sim->steps;
		(void)go_on(sim, story, victim);
		if (sim->phase != PHASE_STORM)
			break;
		uint64_t passed = (uint64_t)(MANY - member->boundary) - number;
		uint64_t appends = list_appends(all, sim, victim, log, number, sim->steps > steps);
		/* A step appends, or a flush is over and the deeds are done. */
		assert_true(appends == passed || (appends == 0 && passed == deeds));
		for (size_t i = 0; appends == 0 && i < passed; i++)
			add(all, (struct boundary){.kind = BOUNDARY_DEED, .detail = details[i], .number = number + i});
	}
	buffer_append_span(&all->log, buffer_span(&member->disk.bytes));
	story_ends_well(sim, "without a crash, member", victim);
	assert_true(sim->counters[SIM_CRASHES] == 0);
	sim_free(sim);
	free(details);
}

/* -- dying ----------------------------------------------------------------------------------------------------- */

/* What is on the disk then. */
static void disk_leave(struct sim_disk *disk, const struct boundaries *all, const struct boundary *boundary, enum death death)
{
	if (death == DEATH_POWER || death == DEATH_OF_ALL)
		return; /* any part of it: the simulator has chosen */
	if (death == DEATH_POWER_LOSES_ALL) {
		disk->bytes.size = disk->safe;
	} else if (boundary->kind == BOUNDARY_APPEND) {
		size_t size = death == DEATH_TORN ? (boundary->begin + boundary->end) / 2 : boundary->begin;
		disk->bytes.size = 0;
		buffer_append(&disk->bytes, all->log.data, size);
	}
	if (disk->flushed > disk->bytes.size)
		disk->flushed = disk->bytes.size;
}

static void die_at(const struct story *story, uint16_t victim, const struct boundaries *all, const struct boundary *boundary, enum death death)
{
	struct sim *sim = begin(story, victim);
	struct member *member = &sim->member[victim];
	bool power = death >= DEATH_POWER_LOSES_ALL;
	if (boundary->kind == BOUNDARY_WRITTEN) {
		while (sim->steps < boundary->number)
			assert_true(go_on(sim, story, victim));
		member_crash(sim, victim, power);
	} else {
		member->boundary = (int64_t)boundary->number;
		member->power = power;
		while (sim->counters[SIM_CRASHES_IN_STEP] == 0)
			assert_true(go_on(sim, story, victim));
	}
	assert_null(member->replica);
	disk_leave(&member->disk, all, boundary, death);
	for (uint16_t i = 0; i < MEMBERS && death == DEATH_OF_ALL; i++)
		member_crash(sim, i, true);
	while (sim->phase == PHASE_STORM && go_on(sim, story, victim))
		;
	story_ends_well(sim, !power ? "killed at boundary" : death == DEATH_OF_ALL ? "power cut of all at boundary" : "power cut at boundary", (unsigned long long)(boundary - all->items));
	uint64_t most = death == DEATH_OF_ALL ? MEMBERS : 1; /* whoever had not started yet could not die */
	assert_true(sim->counters[SIM_CRASHES] >= 1 && sim->counters[SIM_CRASHES] <= most && member->replica);
	sim_free(sim);
}

/* Deaths that can leave something else here. */
static bool differs(const struct boundary *boundary, enum death death)
{
	switch (boundary->kind) {
	case BOUNDARY_APPEND: return true;
	case BOUNDARY_DEED: return death == DEATH_BEFORE || death == DEATH_POWER_LOSES_ALL || death == DEATH_OF_ALL;
	default: return death >= DEATH_POWER_LOSES_ALL;
	}
}

/* -- which ones ------------------------------------------------------------------------------------------------- */

struct tally_of_kinds {
	unsigned seen[64][2];         /* kind and detail, how often */
	size_t count;
};

/* How many of its kind were before it. */
static unsigned seen_before(struct tally_of_kinds *kinds, const struct boundary *boundary)
{
	unsigned kind = (unsigned)boundary->kind << 24 | boundary->detail;
	size_t i = 0;
	while (i < kinds->count && kinds->seen[i][0] != kind)
		i++;
	if (i == kinds->count) {
		assert_true(kinds->count < 64);
		kinds->seen[kinds->count++][0] = kind;
	}
	return kinds->seen[i][1]++;
}

static size_t tell(const struct story *story, uint16_t victim, bool all_of_them, struct tally_of_kinds *kinds)
{
	enum { OF_EACH = 2, EVERY = 97 };
	struct boundaries all = {0};
	size_t deaths = 0;
	struct tally_of_kinds here = {0};
	list(story, victim, &all);
	assert_true(all.count > 200);
	for (size_t i = 0; i < all.count; i++) {
		const struct boundary *boundary = &all.items[i];
		seen_before(kinds, boundary);
		bool chosen = seen_before(&here, boundary) < OF_EACH || i % EVERY == victim || all_of_them;
		for (int death = 0; death < DEATHS && chosen; death++)
			if (differs(boundary, (enum death)death)) {
				die_at(story, victim, &all, boundary, (enum death)death);
				deaths++;
			}
	}
	print_message("         member %u, %s: %zu boundaries of %zu kinds, died %zu times\n", (unsigned)victim,
		story->halves ? "two and two" : story->told ? "alone" : "alone without knowing", all.count, here.count, deaths);
	free(all.items);
	buffer_free(&all.log);
	return deaths;
}

static bool has_kind(const struct tally_of_kinds *kinds, enum boundary_kind kind, unsigned detail)
{
	for (size_t i = 0; i < kinds->count; i++)
		if (kinds->seen[i][0] == ((unsigned)kind << 24 | detail))
			return true;
	return false;
}

static void a_crash_at_every_boundary_loses_nothing(void **state)
{
	(void)state;
	static const struct story stories[] = {{.seed = 60, .told = true}, {.seed = 260}, {.seed = 460, .halves = true}};
	bool all_of_them = getenv("TALLY_ALL") != NULL;
	struct tally_of_kinds kinds = {0};
	size_t deaths = 0;
	for (uint16_t victim = 0; victim < MEMBERS; victim++)
		for (size_t i = 0; i < sizeof stories / sizeof *stories; i++)
			if (all_of_them || i == victim % (sizeof stories / sizeof *stories))
				deaths += tell(&stories[i], victim, all_of_them, &kinds);
	assert_true(deaths > 200);
	/* What there is to persist and to send was among them. */
	assert_true(has_kind(&kinds, BOUNDARY_APPEND, REPLICA_FRAME_BLOCK * 2) && has_kind(&kinds, BOUNDARY_APPEND, REPLICA_FRAME_BLOCK * 2 + 1));
	assert_true(has_kind(&kinds, BOUNDARY_APPEND, REPLICA_FRAME_COSIGNATURE * 2) && has_kind(&kinds, BOUNDARY_APPEND, REPLICA_FRAME_STATE_COSIGNATURE * 2));
	static const enum replica_action_kind deeds[] = {REPLICA_SEND_STORED, REPLICA_FINAL, REPLICA_OUTCOME, REPLICA_CHECKPOINT};
	for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++)
		assert_true(has_kind(&kinds, BOUNDARY_DEED, deeds[i] * 65536u));
	for (unsigned message = 1; message <= 7; message++) /* the kinds of consensus; FETCH (2) is rare where nothing gets lost */
		if (message != 2 && !has_kind(&kinds, BOUNDARY_DEED, REPLICA_SEND * 65536u + 256u + message))
			fail_msg("no message of consensus of kind %u was among them", message);
	for (unsigned message = 2; message <= 3; message++) /* cosignatures */
		assert_true(has_kind(&kinds, BOUNDARY_DEED, REPLICA_SEND * 65536u + 256u * message));
	assert_true(has_kind(&kinds, BOUNDARY_WRITTEN, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_crash_at_every_boundary_loses_nothing),
	};
	cmocka_set_test_filter(getenv("TALLY_TEST"));
	return cmocka_run_group_tests(tests, story_keys_make, story_keys_free);
}
