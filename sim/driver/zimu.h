/* Driver of the integer weight-update unit: C99, no allocation, any bus.
 *
 * A program gives the two functions that reach the unit's registers, and the description of the unit that lies in the
 * header beside its Verilog (NAME.h). Every function returns ZIMU_OK or says what was wrong; zimu_message() has words for it.
 *
 *     static const struct zimu_bus bus = {NULL, read_register, write_register};
 *     struct zimu unit;
 *     int status = zimu_open(&unit, &zim8_config, &bus);
 *     if (!status) status = zimu_seed(&unit, 42);
 *     if (!status) status = zimu_load_weights(&unit, weights, NULL);
 *     if (!status) status = zimu_step(&unit, &values, gradients);
 *     if (!status) status = zimu_read_weights(&unit, weights, NULL);
 *
 * License: Apache-2.0.
 */
#ifndef ZIMU_H
#define ZIMU_H

#include <stddef.h>
#include <stdint.h>

#include "zimu_registers.h"

#ifdef __cplusplus
extern "C" {
#endif

enum zimu_status {
    ZIMU_OK = 0,
    ZIMU_BUS_ERROR,     /* the bus answered a transfer with an error, or its function failed */
    ZIMU_NOT_A_UNIT,    /* ID is not that of a unit */
    ZIMU_OTHER_CONFIG,  /* DIGEST is not that of the configuration given */
    ZIMU_BAD_VALUE,     /* a value that the unit cannot hold; nothing was written */
    ZIMU_REFUSED,       /* STATUS.REFUSED: no seed, gradients missing, or a step is under way */
    ZIMU_TIMEOUT,       /* the unit was still busy after `polls` reads of STATUS */
    ZIMU_READ_ERROR,    /* the system's memory answered a read with an error: the step failed, the seed is gone */
    ZIMU_WRITE_ERROR    /* the same of a write */
};

/* How registers are reached. Each function returns 0, or anything else where the bus answered with an error. */
struct zimu_bus {
    void *context; /* handed to both */
    int (*read)(void *context, uint32_t address, uint32_t *value);
    int (*write)(void *context, uint32_t address, uint32_t value);
};

/* What a unit is; from NAME.h. */
struct zimu_config {
    uint32_t digest;
    uint32_t depth; /* weights */
    uint16_t lanes; /* gradients of a beat */
    uint8_t weight_bits;
    uint8_t gradient_bits;
    uint8_t mean_bits; /* 0: no momentum */
    uint8_t gate_bits;
    uint8_t smoothing_bits;
    uint8_t sign_magnitude; /* how gradients are held */
    uint8_t has_rate;       /* the number of trials follows the mass */
    uint8_t external;       /* weights, gradients and means lie in the system's memory */
};

/* The run-time values of a step. What a unit has none of is ignored. */
struct zimu_values {
    uint32_t trials;    /* n, or the most it may be */
    uint64_t threshold; /* T, of 2^gate_bits */
    uint32_t smoothing; /* c */
    uint8_t decay;      /* b */
    uint16_t rate;      /* T' */
};

/* Since the last seed, modulo 2^32; the mass is that of the last step. */
struct zimu_counters {
    uint32_t steps, open_trials, discarded_trials, rejected_draws, saturations, empty_steps;
    uint64_t mass;
};

struct zimu {
    struct zimu_bus bus;
    const struct zimu_config *config;
    uint32_t polls; /* reads of STATUS before a wait is given up; zimu_open() sets it, a program may change it */
};

/* Make sure that the unit at the bus is the one described. Changes nothing in it. */
int zimu_open(struct zimu *unit, const struct zimu_config *config, const struct zimu_bus *bus);

/* Expand a seed, which also clears the counters. */
int zimu_seed(struct zimu *unit, uint64_t seed);

/* On-chip memory: load all weights, with momentum also their means (NULL: means of zero). */
int zimu_load_weights(struct zimu *unit, const int32_t *weights, const int32_t *means);

/* On-chip memory: read all weights, with momentum also their means (NULL: they are not wanted). */
int zimu_read_weights(struct zimu *unit, int32_t *weights, int32_t *means);

/* On-chip memory: load the gradients of the next step. */
int zimu_load_gradients(struct zimu *unit, const int32_t *gradients);

/* On-chip memory: forget what was loaded in part and end a read-out, as after a transfer was lost. */
int zimu_rewind(struct zimu *unit);

/* External memory: where the arrays begin, each at a multiple of 4096; `means` matters with momentum only. */
int zimu_set_arrays(struct zimu *unit, uint64_t gradients, uint64_t weights, uint64_t means);

/* Bytes of a number of so many bits in an array or a word: 1, 2 or 4. */
unsigned zimu_bytes_of(unsigned bits);

/* External memory: a gradient as the array of gradients holds it, in the low zimu_bytes_of(gradient_bits) bytes. */
uint32_t zimu_encode_gradient(const struct zimu_config *config, int32_t gradient);

/* The mean of zero, with which means begin. */
int32_t zimu_first_mean(const struct zimu_config *config);

/* Begin a step with the gradients that are loaded; zimu_wait() waits for its end. */
int zimu_start(struct zimu *unit, const struct zimu_values *values);
int zimu_wait(struct zimu *unit);

/* A whole step: load the gradients (NULL: they are there already), begin, wait. */
int zimu_step(struct zimu *unit, const struct zimu_values *values, const int32_t *gradients);

int zimu_read_counters(struct zimu *unit, struct zimu_counters *counters);

/* One line for a person. */
const char *zimu_message(int status);

#ifdef __cplusplus
}
#endif

#endif
