#include "twin/state.h"

#include <stdlib.h>

size_t twin_signal_find(const struct twin *twin, struct span id)
{
	for (size_t i = 0; i < twin->count; i++)
		if (span_is_text(id, twin->signals[i].id))
			return i;
	return TWIN_SIGNALS_MAX;
}

void parameters_free(struct parameters *parameters)
{
	for (size_t p = 0; p < parameters->count; p++)
		free(parameters->names[p]);
	parameters->count = 0;
}

static int name_compare(struct span a, struct span b)
{
	int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
	return order ? order : (a.size > b.size) - (a.size < b.size);
}

bool parameters_put(struct parameters *parameters, struct span name, double value)
{
	size_t place = 0;
	int order = 1;
	while (place < parameters->count && (order = name_compare(span_of_text(parameters->names[place]), name)) < 0)
		place++;
	if (place == parameters->count || order != 0) {
		if (parameters->count == BODY_PARAMETERS_MAX)
			return false;
		size_t after = parameters->count - place;
		memmove(parameters->names + place + 1, parameters->names + place, after * sizeof *parameters->names);
		memmove(parameters->values + place + 1, parameters->values + place, after * sizeof *parameters->values);
		parameters->names[place] = memory_text(name);
		parameters->count++;
	}
	parameters->values[place] = value;
	return true;
}

void parameters_body(const struct parameters *parameters, uint64_t version, const char *reason, struct body_model *out)
{
	*out = (struct body_model){.version = version, .kind = span_of_text("first-order"), .reason = span_of_text(reason)};
	out->parameter_count = parameters->count;
	for (size_t p = 0; p < parameters->count; p++)
		out->parameters[p] = (struct body_parameter){
			.name = span_of_text(parameters->names[p]),
			.value = decimal_of(parameters->values[p]),
		};
}

double round_figures(double value)
{
	if (value == 0 || !isfinite(value))
		return value;
	double scale = pow(10, 8 - floor(log10(fabs(value))));
	return isfinite(scale) && scale > 0 ? round(value * scale) / scale : value;
}

static enum status name_refuse(struct span name, const char *why, struct fault *fault)
{
	int size = name.size < 80 ? (int)name.size : 80;
	return fault_set(fault, E_CONFIG, "model parameter \"%.*s\": %s", size, (const char *)name.data, why);
}

/* Which signal a parameter belongs to: the longest registered id before a dot. */
static size_t name_signal(const struct twin *twin, struct span name, struct span *rest)
{
	size_t best = TWIN_SIGNALS_MAX, longest = 0;
	for (size_t i = 0; i < twin->count; i++) {
		struct span id = span_of_text(twin->signals[i].id);
		if (id.size >= longest && id.size < name.size && name.data[id.size] == '.' && memcmp(id.data, name.data, id.size) == 0) {
			best = i;
			longest = id.size;
			*rest = span_of(name.data + id.size + 1, name.size - id.size - 1);
		}
	}
	return best;
}

static enum status feature_add(const struct twin *twin, struct relation *relation, size_t self, struct span name, struct span inputs,
	double coefficient, int parameter, struct fault *fault)
{
	struct feature feature = {.coefficient = coefficient, .parameter = parameter, .second = NO_SIGNAL};
	feature.first = twin_signal_find(twin, inputs);
	if (feature.first == TWIN_SIGNALS_MAX) {
		const uint8_t *star = inputs.size ? memchr(inputs.data, '*', inputs.size) : NULL;
		if (!star)
			return name_refuse(name, "the input is not a registered signal", fault);
		size_t before = (size_t)(star - inputs.data);
		feature.first = twin_signal_find(twin, span_of(inputs.data, before));
		feature.second = twin_signal_find(twin, span_of(star + 1, inputs.size - before - 1));
		if (feature.first == TWIN_SIGNALS_MAX || feature.second == TWIN_SIGNALS_MAX)
			return name_refuse(name, "one of the two inputs is not a registered signal", fault);
	}
	if (feature.first == self || feature.second == self)
		return name_refuse(name, "a signal cannot be its own input", fault);
	if (relation->feature_count == FEATURES_MAX)
		return name_refuse(name, "a signal has at most 8 inputs", fault);
	relation->features[relation->feature_count++] = feature;
	relation->inputs |= signal_bit(feature.first);
	if (feature.second != NO_SIGNAL)
		relation->inputs |= signal_bit(feature.second);
	return OK;
}

static enum status parameter_compile(const struct twin *twin, struct relation *relations, struct span name, double value, int parameter,
	struct fault *fault)
{
	static const char *const words[PARAMETER_KINDS] = {"pole", "offset", "gain", "bias", "sigma"};
	struct span rest = {0};
	size_t i = name_signal(twin, name, &rest);
	if (i == TWIN_SIGNALS_MAX)
		return name_refuse(name, "it must begin with the id of a registered signal and a dot", fault);
	struct relation *relation = &relations[i];
	relation->modelled = true;
	if (rest.size > 3 && memcmp(rest.data, "on.", 3) == 0)
		return feature_add(twin, relation, i, name, span_of(rest.data + 3, rest.size - 3), value, parameter, fault);
	double *places[PARAMETER_KINDS] = {&relation->pole, &relation->offset, &relation->gain, &relation->bias, &relation->sigma};
	for (size_t kind = 0; kind < PARAMETER_KINDS; kind++) {
		if (span_is_text(rest, words[kind])) {
			*places[kind] = value;
			relation->parameters[kind] = parameter;
			return OK;
		}
	}
	return name_refuse(name, "known are pole, offset, gain, bias, sigma, on.INPUT and on.INPUT*INPUT", fault);
}

static enum status relation_check(const struct signal *signal, struct relation *relation, struct fault *fault)
{
	if (!relation->modelled)
		return OK;
	if (!(relation->sigma > 0))
		return fault_set(fault, E_CONFIG, "model of %s: sigma must be given and positive", signal->id);
	if (!(relation->pole >= 0 && relation->pole < 1))
		return fault_set(fault, E_CONFIG, "model of %s: the pole must be from 0 to below 1, not %g", signal->id, relation->pole);
	if (relation->gain == 0)
		return fault_set(fault, E_CONFIG, "model of %s: the gain must not be 0", signal->id);
	relation->log_pole = relation->pole > 0 ? log(relation->pole) : 0;
	return OK;
}

static enum status model_compile(const struct twin *twin, const struct body_model *model, struct relation *relations, struct fault *fault)
{
	if (!span_is_text(model->kind, "first-order"))
		return fault_set(fault, E_CONFIG, "model kind must be \"first-order\"");
	if (model->parameter_count > BODY_PARAMETERS_MAX)
		return fault_set(fault, E_CONFIG, "a model has at most %d parameters", BODY_PARAMETERS_MAX);
	for (size_t i = 0; i < twin->count; i++) {
		relations[i] = (struct relation){.gain = 1};
		for (size_t kind = 0; kind < PARAMETER_KINDS; kind++)
			relations[i].parameters[kind] = -1;
	}
	for (size_t p = 0; p < model->parameter_count; p++) {
		struct span name = model->parameters[p].name;
		if (p > 0 && name_compare(model->parameters[p - 1].name, name) >= 0)
			return name_refuse(name, "names must ascend, each once", fault);
		TRY(parameter_compile(twin, relations, name, decimal_value(model->parameters[p].value), (int)p, fault));
	}
	for (size_t i = 0; i < twin->count; i++)
		TRY(relation_check(&twin->signals[i], &relations[i], fault));
	return OK;
}

/* The same physics: the observer's state stays valid when only the sensor's part differs. */
static bool relation_same_machine(const struct relation *a, const struct relation *b)
{
	if (a->modelled != b->modelled || a->pole != b->pole || a->offset != b->offset || a->feature_count != b->feature_count)
		return false;
	for (size_t f = 0; f < a->feature_count; f++) {
		const struct feature *x = &a->features[f], *y = &b->features[f];
		if (x->first != y->first || x->second != y->second || x->coefficient != y->coefficient)
			return false;
	}
	return true;
}

static bool relation_same_sensor(const struct relation *a, const struct relation *b)
{
	return a->gain == b->gain && a->bias == b->bias && a->sigma == b->sigma;
}

static void joint_set(struct twin *twin)
{
	bool constant = true;
	twin->modelled = 0;
	for (size_t i = 0; i < twin->count; i++) {
		twin->modelled += twin->signals[i].relation.modelled;
		constant = constant && twin->signals[i].relation.feature_count == 0;
	}
	twin->joint = constant && twin->modelled >= BASELINE_SIGNALS_MIN;
	twin->joint_over = twin->joint_calm = 0;
	twin->active &= ~(1u << DISTURBANCE_DRIFT);
}

enum status twin_model_set(struct twin *twin, const struct body_model *model, const struct digest *id, struct fault *fault)
{
	struct relation *relations = memory_new_array(twin->count, sizeof *relations);
	enum status status = model_compile(twin, model, relations, fault);
	if (status != OK) {
		free(relations);
		return status;
	}
	for (size_t i = 0; i < twin->count; i++) {
		struct signal *signal = &twin->signals[i];
		struct relation old = signal->relation;
		signal->relation = relations[i];
		bool machine = relation_same_machine(&old, &relations[i]);
		if (!machine || !relation_same_sensor(&old, &relations[i])) {
			signal_restart(twin, i, !machine);
			signal->residual_from = twin->history.rows;
		}
	}
	free(relations);
	parameters_free(&twin->model);
	for (size_t p = 0; p < model->parameter_count; p++) {
		twin->model.names[p] = memory_text(model->parameters[p].name);
		twin->model.values[p] = decimal_value(model->parameters[p].value);
	}
	twin->model.count = model->parameter_count;
	twin->model_version = model->version;
	twin->model_id = *id;
	twin->factor_ns = 0;
	joint_set(twin);
	twin_couple(twin);
	return OK;
}
