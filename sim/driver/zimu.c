/* Driver of the integer weight-update unit; zimu.h says what it does. License: Apache-2.0. */
#include "zimu.h"

#define DEFAULT_POLLS 100000000u
#define ERRORS (ZIMU_STATUS_READ_ERROR | ZIMU_STATUS_WRITE_ERROR)

static int get(struct zimu *unit, uint32_t address, uint32_t *value)
{
    return unit->bus.read(unit->bus.context, address, value) ? ZIMU_BUS_ERROR : ZIMU_OK;
}

static int put(struct zimu *unit, uint32_t address, uint32_t value)
{
    return unit->bus.write(unit->bus.context, address, value) ? ZIMU_BUS_ERROR : ZIMU_OK;
}

static int put_long(struct zimu *unit, uint32_t address, uint64_t value)
{
    int status = put(unit, address, (uint32_t)value);
    return status ? status : put(unit, address + 4, (uint32_t)(value >> 32));
}

/* Whether a number fits into so many bits, two's complement. */
static int fits(int64_t number, unsigned bits)
{
    int64_t half = (int64_t)1 << (bits - 1);
    return number >= -half && number < half;
}

static int fits_unsigned(uint64_t number, unsigned bits)
{
    return bits >= 64 || number >> bits == 0;
}

/* Poll STATUS until `bits` are as wanted; what it then was goes to `seen`. */
static int poll(struct zimu *unit, uint32_t bits, int wanted, uint32_t *seen)
{
    uint32_t polls;
    for (polls = 0; polls < unit->polls; polls++) {
        int status = get(unit, ZIMU_STATUS, seen);
        if (status)
            return status;
        if (((*seen & bits) != 0) == wanted)
            return ZIMU_OK;
    }
    return ZIMU_TIMEOUT;
}

/* Write a bit of CONTROL and see whether it was refused. */
static int control(struct zimu *unit, uint32_t bit)
{
    uint32_t seen;
    int status = put(unit, ZIMU_CONTROL, bit);
    if (!status)
        status = get(unit, ZIMU_STATUS, &seen);
    if (status || !(seen & ZIMU_STATUS_REFUSED))
        return status;
    status = put(unit, ZIMU_STATUS, ZIMU_STATUS_REFUSED);
    return status ? status : ZIMU_REFUSED;
}

int zimu_open(struct zimu *unit, const struct zimu_config *config, const struct zimu_bus *bus)
{
    uint32_t identity, digest;
    int status;
    unit->bus = *bus;
    unit->config = config;
    unit->polls = DEFAULT_POLLS;
    if ((status = get(unit, ZIMU_ID, &identity)))
        return status;
    if (identity != ZIMU_IDENTITY)
        return ZIMU_NOT_A_UNIT;
    if ((status = get(unit, ZIMU_DIGEST, &digest)))
        return status;
    return digest == config->digest ? ZIMU_OK : ZIMU_OTHER_CONFIG;
}

int zimu_seed(struct zimu *unit, uint64_t seed)
{
    uint32_t seen;
    int status = put_long(unit, ZIMU_SEED_LO, seed);
    if (!status)
        status = control(unit, ZIMU_CONTROL_RESEED);
    return status ? status : poll(unit, ZIMU_STATUS_BUSY, 0, &seen);
}

int32_t zimu_first_mean(const struct zimu_config *config)
{
    unsigned shift = config->mean_bits > config->gradient_bits ? config->mean_bits - config->gradient_bits : 0;
    return shift ? (int32_t)1 << (shift - 1) : 0;
}

int zimu_load_weights(struct zimu *unit, const int32_t *weights, const int32_t *means)
{
    const struct zimu_config *config = unit->config;
    uint32_t i;
    int status = ZIMU_OK;
    if (config->external)
        return ZIMU_BAD_VALUE;
    for (i = 0; i < config->depth; i++)
        if (!fits(weights[i], config->weight_bits) || (means && config->mean_bits && !fits(means[i], config->mean_bits)))
            return ZIMU_BAD_VALUE;
    for (i = 0; !status && i < config->depth; i++) {
        status = put(unit, ZIMU_WEIGHTS, (uint32_t)weights[i]);
        if (!status && config->mean_bits)
            status = put(unit, ZIMU_WEIGHTS, (uint32_t)(means ? means[i] : zimu_first_mean(config)));
    }
    return status;
}

int zimu_read_weights(struct zimu *unit, int32_t *weights, int32_t *means)
{
    const struct zimu_config *config = unit->config;
    uint32_t i, word, seen;
    int status;
    if (config->external)
        return ZIMU_BAD_VALUE;
    status = control(unit, ZIMU_CONTROL_READ_WEIGHTS);
    for (i = 0; !status && i < config->depth; i++) {
        if ((status = get(unit, ZIMU_WEIGHTS, &word)))
            break;
        weights[i] = (int32_t)word;
        if (!config->mean_bits)
            continue;
        if ((status = get(unit, ZIMU_WEIGHTS, &word)))
            break;
        if (means)
            means[i] = (int32_t)word;
    }
    return status ? status : poll(unit, ZIMU_STATUS_BUSY, 0, &seen);
}

unsigned zimu_bytes_of(unsigned bits)
{
    return bits <= 8 ? 1 : bits <= 16 ? 2 : 4;
}

uint32_t zimu_encode_gradient(const struct zimu_config *config, int32_t gradient)
{
    uint32_t sign = (uint32_t)1 << (config->gradient_bits - 1);
    if (!config->sign_magnitude || gradient >= 0)
        return (uint32_t)gradient;
    return sign | (0u - (uint32_t)gradient);
}

int zimu_load_gradients(struct zimu *unit, const int32_t *gradients)
{
    const struct zimu_config *config = unit->config;
    unsigned bits = 8 * zimu_bytes_of(config->gradient_bits);
    unsigned of_word = 32 / bits < config->lanes ? 32 / bits : config->lanes;
    uint32_t mask = bits == 32 ? UINT32_MAX : ((uint32_t)1 << bits) - 1;
    uint32_t padded = (config->depth + config->lanes - 1) / config->lanes * config->lanes;
    uint32_t i;
    int status = ZIMU_OK;
    if (config->external)
        return ZIMU_BAD_VALUE;
    for (i = 0; i < config->depth; i++)
        if (!fits(gradients[i], config->gradient_bits)
            || (config->sign_magnitude && !fits(-(int64_t)gradients[i], config->gradient_bits)))
            return ZIMU_BAD_VALUE;
    for (i = 0; !status && i < padded; i += of_word) {
        uint32_t word = 0;
        unsigned j;
        for (j = 0; j < of_word && i + j < config->depth; j++)
            word |= (zimu_encode_gradient(config, gradients[i + j]) & mask) << (bits * j);
        status = put(unit, ZIMU_GRADIENTS, word);
    }
    return status;
}

int zimu_rewind(struct zimu *unit)
{
    uint32_t seen;
    int status = control(unit, ZIMU_CONTROL_REWIND);
    return status ? status : poll(unit, ZIMU_STATUS_BUSY, 0, &seen);
}

int zimu_set_arrays(struct zimu *unit, uint64_t gradients, uint64_t weights, uint64_t means)
{
    int status;
    if (!unit->config->external || (gradients | weights | (unit->config->mean_bits ? means : 0)) % 4096)
        return ZIMU_BAD_VALUE;
    status = put_long(unit, ZIMU_GRADIENTS_AT_LO, gradients);
    if (!status)
        status = put_long(unit, ZIMU_WEIGHTS_AT_LO, weights);
    if (!status && unit->config->mean_bits)
        status = put_long(unit, ZIMU_MEANS_AT_LO, means);
    return status;
}

int zimu_start(struct zimu *unit, const struct zimu_values *values)
{
    const struct zimu_config *config = unit->config;
    int status;
    if (values->threshold > (uint64_t)1 << config->gate_bits || !fits_unsigned(values->smoothing, config->smoothing_bits)
        || (config->mean_bits && !fits_unsigned(values->decay, 3)))
        return ZIMU_BAD_VALUE;
    status = put(unit, ZIMU_TRIALS, values->trials);
    if (!status)
        status = put_long(unit, ZIMU_THRESHOLD_LO, values->threshold);
    if (!status)
        status = put(unit, ZIMU_SMOOTHING, values->smoothing);
    if (!status && config->mean_bits)
        status = put(unit, ZIMU_DECAY, values->decay);
    if (!status && config->has_rate)
        status = put(unit, ZIMU_RATE, values->rate);
    if (!status) /* what an earlier program has not seen */
        status = put(unit, ZIMU_STATUS, ZIMU_STATUS_DONE | ERRORS);
    return status ? status : control(unit, ZIMU_CONTROL_START);
}

int zimu_wait(struct zimu *unit)
{
    uint32_t seen;
    int status = poll(unit, ZIMU_STATUS_DONE, 1, &seen);
    if (status)
        return status;
    if ((status = put(unit, ZIMU_STATUS, ZIMU_STATUS_DONE | ERRORS)))
        return status;
    if (!unit->config->external)
        return ZIMU_OK;
    return seen & ZIMU_STATUS_READ_ERROR ? ZIMU_READ_ERROR : seen & ZIMU_STATUS_WRITE_ERROR ? ZIMU_WRITE_ERROR : ZIMU_OK;
}

int zimu_step(struct zimu *unit, const struct zimu_values *values, const int32_t *gradients)
{
    int status = gradients ? zimu_load_gradients(unit, gradients) : ZIMU_OK;
    if (!status)
        status = zimu_start(unit, values);
    return status ? status : zimu_wait(unit);
}

int zimu_read_counters(struct zimu *unit, struct zimu_counters *counters)
{
    uint32_t low = 0, high = 0;
    const uint32_t addresses[] = {ZIMU_STEPS, ZIMU_OPEN_TRIALS, ZIMU_DISCARDED_TRIALS, ZIMU_REJECTED_DRAWS,
                                  ZIMU_SATURATIONS, ZIMU_EMPTY_STEPS, ZIMU_MASS_LO, ZIMU_MASS_HI};
    uint32_t *const places[] = {&counters->steps, &counters->open_trials, &counters->discarded_trials,
                                &counters->rejected_draws, &counters->saturations, &counters->empty_steps, &low, &high};
    size_t i;
    for (i = 0; i < sizeof places / sizeof *places; i++) {
        int status = get(unit, addresses[i], places[i]);
        if (status)
            return status;
    }
    counters->mass = (uint64_t)high << 32 | low;
    return ZIMU_OK;
}

const char *zimu_message(int status)
{
    switch (status) {
    case ZIMU_OK:
        return "all is well";
    case ZIMU_BUS_ERROR:
        return "the bus answered with an error: no such register, or one that cannot be used now";
    case ZIMU_NOT_A_UNIT:
        return "there is no unit at this address: ID is not \"ZIMU\"";
    case ZIMU_OTHER_CONFIG:
        return "the unit is of another configuration: build with the header that came with its Verilog";
    case ZIMU_BAD_VALUE:
        return "a value that this unit cannot hold, or a call that is not for its kind of memory; nothing was written";
    case ZIMU_REFUSED:
        return "the unit refused: it has no seed, not all gradients, or is busy";
    case ZIMU_TIMEOUT:
        return "the unit did not come to an end; is its clock running?";
    case ZIMU_READ_ERROR:
        return "the memory answered a read with an error: restore the weights, seed the unit, repeat the step";
    case ZIMU_WRITE_ERROR:
        return "the memory answered a write with an error: restore the weights, seed the unit, repeat the step";
    default:
        return "no status of this driver";
    }
}
