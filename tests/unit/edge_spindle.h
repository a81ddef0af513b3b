/* An edge with a spindle that measures, and an alarm that does not. */
#ifndef TEST_EDGE_SPINDLE_H
#define TEST_EDGE_SPINDLE_H

#include "edge_world.h"

#define SPINDLE "dev:maker/spindle-1"
#define FIRE "dev:maker/fire-1"

static inline struct edge_world *begin(uint64_t seed)
{
	struct edge_world *world = memory_new(sizeof *world);
	world_begin(world, seed);
	world_register(world, (struct device_wish){.name = SPINDLE, .signals = 2, .critical = "fire power", .commands = "reduce_speed stop"});
	world_bounds(world, SPINDLE, 1, -5, 70);
	world_register(world, (struct device_wish){.name = FIRE, .critical = "fire door"});
	world_start(world, true);
	return world;
}

static inline void end(struct edge_world *world)
{
	world_end(world);
	free(world);
}

static inline struct fake_device *spindle(struct edge_world *world)
{
	return world_device(world, text(SPINDLE));
}

static inline struct fake_device *fire(struct edge_world *world)
{
	return world_device(world, text(FIRE));
}

static inline struct edge_totals totals_of(const struct edge_world *world)
{
	struct edge_totals totals;
	edge_totals(world->edge, &totals);
	return totals;
}

#endif
