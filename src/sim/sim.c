#include "sim/sim.h"

#include "crypto/hash.h"
#include "sim/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { LOOK_MS = 100, SILENCE_BEATS = 3, SILENCE_LEAST_MS = 5000, COLLECTED_EVERY = 64 };

const char *sim_verdict_name(enum sim_verdict verdict)
{
	static const char *const names[] = {"Running", "Stopped", "Pass", "NoProgress", "Diverged", "Broken"};
	return names[verdict];
}

const char *sim_counter_name(enum sim_counter counter)
{
	static const char *const names[SIM_LIARS] = {"steps_of_replicas", "blocks", "commits", "final", "refused", "retries", "busy", "delivered",
		"lost", "duplicated", "crashes", "crashes_in_step", "power_cuts", "torn", "cut_tails", "unreadable", "wiped", "restored", "disk_full",
		"lying_flushes", "partitions", "slowed", "clock_steps", "twins", "withheld", "lies", "flooded", "evidence", "forks_told", "checkpoints", "range_blocks",
		"amnesia_twins", "epochs", "pruned", "entries_sent", "rebased", "changed", "convicted", "mended", "mended_whole", "replaced",
		"reordered", "deaf_ways", "power_cuts_of_all", "forgotten", "scattered", "flipped", "misdirected", "slow_disks", "clocks_back", "clocks_ahead",
		"drifts", "absent", "silences"};
	_Static_assert(SIM_LIAR_KINDS == NATURES - 1, "every kind but the honest one");
	return counter < SIM_LIARS ? names[counter] : nature_name((enum nature)(TIMEOUT_LEADER + counter - SIM_LIARS));
}

void sim_broken(struct sim *sim, unsigned invariant, const char *format, ...)
{
	if (sim_over(sim))
		return;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(sim->text, sizeof sim->text, format, arguments);
	va_end(arguments);
	sim->invariant = invariant;
	sim->verdict = invariant == 14 ? SIM_NO_PROGRESS : invariant == 1 || invariant == 11 ? SIM_DIVERGED : SIM_BROKEN;
	trace_line(sim, "broken invariant=%u %s", invariant, sim->text);
}

struct sim *sim_new(const struct sim_options *options, struct sim_keys *keys)
{
	struct sim *sim = memory_new_array(1, sizeof *sim);
	char setting[SIM_TEXT_MAX];
	sim->options = *options;
	sim->random = random_of(options->seed);
	sim->signatures = sim_signatures(options);
	sim->trace.kept = options->traced;
	knobs_turn(sim);
	sim->consortium = sim_keys_of(keys, sim->founders);
	sim->genesis = sim->consortium->genesis;
	sim->genesis.settings = sim->settings;
	knobs_tell(sim, setting);
	trace_line(sim, "%s", setting);
	epochs_init(sim);
	for (uint16_t i = 0; i < sim->members; i++) {
		sim->member[i].liar.signer = (struct liar_signer){sim->signatures, sim->consortium->organisation[i].node};
		happen(sim, sim_between(sim, 0, 50 * SIM_MS), (struct happening){.kind = HAPPEN_BOOT, .to = i});
		if (sim->member[i].nature == FLOODER)
			happen(sim, sim_between(sim, 0, SIM_S), (struct happening){.kind = HAPPEN_LIAR, .to = i});
	}
	clients_found(sim);
	if (sim->members > sim->founders)
		happen(sim, SIM_S / 2, (struct happening){.kind = HAPPEN_GOVERN});
	if (!sim_is_calm(sim))
		happen(sim, sim->knobs.fault_pause_us, (struct happening){.kind = HAPPEN_FAULT});
	happen(sim, sim->knobs.storm_us, (struct happening){.kind = HAPPEN_PHASE});
	return sim;
}

void sim_free(struct sim *sim)
{
	if (!sim)
		return;
	for (uint16_t i = 0; i < sim->members; i++)
		member_free(sim, &sim->member[i]);
	for (size_t i = 0; i < sim->heap_count; i++)
		buffer_free(&sim->heap[i].bytes);
	epochs_free_all(sim);
	checks_free(sim);
	accuse_free(sim);
	clients_free(sim);
	buffer_free(&sim->trace.lines);
	buffer_free(&sim->trace.text);
	free(sim->member);
	free(sim->heap);
	free(sim->measured.finality);
	free(sim);
}

/* -- the two parts --------------------------------------------------------------------------------------------- */

static void phase_enter(struct sim *sim, enum phase phase)
{
	sim->phase = phase;
	sim->phase_us = sim->now_us;
	trace_line(sim, "phase %d", (int)phase);
}

/* One line about each member, for whoever looks into a failure. */
static void members_trace(struct sim *sim)
{
	for (uint16_t i = 0; i < sim->members; i++) {
		const struct member *member = &sim->member[i];
		struct consensus_numbers numbers = {0};
		if (member->replica)
			consensus_numbers(replica_consensus(member->replica), &numbers);
		trace_line(sim, "%u up=%d nature=%s amnesiac=%d ahead=%d round=%u highest=%u decided=%u commits=%llu suspended=%llu missing=%llu "
			"refused=%llu dropped=%llu tip=%d behind=%d finals=%llu", (unsigned)i, member->replica != NULL, nature_name(member->nature),
			member->amnesiac, member->ahead, (unsigned)numbers.round, (unsigned)numbers.highest_round, (unsigned)numbers.decided_round,
			(unsigned long long)numbers.commits, (unsigned long long)numbers.suspended, (unsigned long long)numbers.missing,
			(unsigned long long)numbers.refused, (unsigned long long)numbers.dropped, numbers.tip_known, numbers.catching_up,
			(unsigned long long)member->finals);
	}
}

/* I14: what is not final by now will not be. */
static void no_progress(struct sim *sim)
{
	uint32_t open = clients_open(sim);
	if (open != UINT32_MAX) {
		sim_broken(sim, 14, "%lld s after the faults ended, statement %u of client %u is not final", (long long)(sim->knobs.drain_us / SIM_S),
			(unsigned)open, (unsigned)sim->payloads[open].client);
		return;
	}
	for (uint16_t i = 0; i < sim->members; i++)
		if (is_honest(&sim->member[i]) && !sim->member[i].absent && is_member_now(sim, i) && sim->member[i].finals != sim->checks.final_count)
			sim_broken(sim, 14, "%lld s after the faults ended, member %u has %llu of %zu entries", (long long)(sim->knobs.drain_us / SIM_S),
				(unsigned)i, (unsigned long long)sim->member[i].finals, sim->checks.final_count);
	sim_broken(sim, 14, "the members never come to rest");
}

static void phase_look(struct sim *sim)
{
	int64_t silence_us = (int64_t)SILENCE_BEATS * sim->consensus.heartbeat_ms * SIM_MS;
	if (silence_us < SILENCE_LEAST_MS * SIM_MS)
		silence_us = SILENCE_LEAST_MS * SIM_MS;
	/* Repetitions may still wait to be proposed, and own blocks that commits have passed by, to be collected: until then
	 * their authors are awake. */
	int64_t rest_us = 2 * SIM_S + ((int64_t)sim->consensus.gc_depth + COLLECTED_EVERY) * 2 * sim->consensus.round_delay_ms * SIM_MS;
	switch (sim->phase) {
	case PHASE_STORM:
		phase_enter(sim, PHASE_DRAIN);
		if (!sim_is_calm(sim))
			faults_end(sim);
		break;
	case PHASE_DRAIN:
		if (check_settled(sim)) {
			int64_t drained_us = sim->now_us - sim->phase_us;
			sim->drained_us = drained_us > sim->drained_us ? drained_us : sim->drained_us;
			phase_enter(sim, PHASE_REST);
			sim->crashes_before = sim->counters[SIM_CRASHES];
			happen(sim, rest_us, (struct happening){.kind = HAPPEN_PHASE});
			return;
		}
		if (sim->now_us - sim->phase_us > sim->knobs.drain_us) {
			members_trace(sim);
			no_progress(sim);
		}
		break;
	case PHASE_REST:
		phase_enter(sim, PHASE_SILENCE);
		check_silence_begins(sim);
		happen(sim, silence_us, (struct happening){.kind = HAPPEN_PHASE});
		return;
	default:
		if (sim->counters[SIM_CRASHES] != sim->crashes_before) {
			phase_enter(sim, PHASE_DRAIN); /* somebody has just found out that its disk is damaged */
			break;
		}
		check_end(sim);
		if (!sim_over(sim))
			sim->verdict = SIM_PASS;
		return;
	}
	happen(sim, LOOK_MS * SIM_MS, (struct happening){.kind = HAPPEN_PHASE});
}

/* -- one thing after another -------------------------------------------------------------------------------------- */

static void handle(struct sim *sim, struct happening *happening)
{
	struct member *member = happening->to < sim->members ? &sim->member[happening->to] : NULL;
	switch (happening->kind) {
	case HAPPEN_PACKET:
		network_deliver(sim, happening);
		break;
	case HAPPEN_TIMER:
		if (member->replica && member->timer == happening->number)
			member_step(sim, happening->to, (struct replica_event){.kind = REPLICA_TICK});
		break;
	case HAPPEN_FLUSH:
		if (member->replica && member->session == happening->number)
			member_flush(sim, happening->to);
		break;
	case HAPPEN_AHEAD:
		if (member->replica && member->session == happening->number)
			member_look_ahead(sim, happening->to);
		break;
	case HAPPEN_BOOT:
		if (member->session == happening->number)
			member_boot(sim, happening->to);
		break;
	case HAPPEN_CLIENT:
		client_wake(sim, happening->to);
		break;
	case HAPPEN_SUBMIT:
		client_submit_arrives(sim, happening);
		break;
	case HAPPEN_ANSWER:
		client_answer(sim, happening);
		break;
	case HAPPEN_FAULT:
		if (sim->phase == PHASE_STORM)
			fault_strike(sim);
		break;
	case HAPPEN_LINK_END:
		if (sim->network.partition == happening->number)
			network_heal(sim);
		break;
	case HAPPEN_LIAR:
		liar_turn(sim, happening->to);
		break;
	case HAPPEN_GOVERN:
		govern_turn(sim);
		break;
	case HAPPEN_PHASE:
		phase_look(sim);
		break;
	}
}

bool sim_step(struct sim *sim)
{
	struct happening happening;
	if (sim_over(sim))
		return false;
	CHECK(happening_next(sim, &happening)); /* there is always the next look at the phase */
	if (happening.at_us > sim->now_us)
		sim->now_us = happening.at_us;
	sim->steps++;
	handle(sim, &happening);
	buffer_free(&happening.bytes);
	if (!sim_over(sim) && sim->options.until && sim->steps >= sim->options.until)
		sim->verdict = SIM_STOPPED;
	return !sim_over(sim);
}

uint64_t sim_steps(const struct sim *sim)
{
	return sim->steps;
}

void sim_report(struct sim *sim, struct sim_report *out)
{
	*out = (struct sim_report){.verdict = sim->verdict, .invariant = sim->invariant, .seed = sim->options.seed, .step = sim->steps,
		.members = sim->members, .simulated_us = sim->now_us, .drained_us = sim->drained_us, .trace = trace_digest(sim)};
	memcpy(out->text, sim->text, sizeof out->text);
	memcpy(out->counters, sim->counters, sizeof out->counters);
	knobs_tell(sim, out->setting);
}
