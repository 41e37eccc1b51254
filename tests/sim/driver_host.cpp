// The C driver on this machine, at a Verilated unit behind Wishbone. It takes its orders from stdin, a word and numbers a line,
// and answers each with a line: the driver's status, then what was asked for.
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <vector>

#include "Vunit.h"
#include "unit.h"

static Vunit *dut;

static void tick()
{
    dut->clk = 0;
    dut->eval();
    dut->clk = 1;
    dut->eval();
}

static int transfer(uint32_t address, uint32_t value, bool write, uint32_t *seen)
{
    dut->wb_cyc = 1;
    dut->wb_stb = 1;
    dut->wb_we = write;
    dut->wb_adr = address / 4;
    dut->wb_sel = 15;
    dut->wb_dat_w = value;
    dut->eval();
    while (!dut->wb_ack && !dut->wb_err)
        tick();
    int failed = dut->wb_err;
    if (seen)
        *seen = dut->wb_dat_r;
    tick();
    dut->wb_cyc = 0;
    dut->eval();
    return failed;
}

extern "C" {
static int read_register(void *, uint32_t address, uint32_t *value) { return transfer(address, 0, false, value); }
static int write_register(void *, uint32_t address, uint32_t value) { return transfer(address, value, true, nullptr); }
}

static std::vector<int32_t> numbers()
{
    std::vector<int32_t> all(unit_config.depth);
    for (auto &number : all)
        if (std::scanf("%" SCNd32, &number) != 1)
            std::abort();
    return all;
}

int main(int argc, char **argv)
{
    VerilatedContext context;
    context.commandArgs(argc, argv);
    dut = new Vunit(&context);
    dut->rst = 1;
    tick();
    tick();
    dut->rst = 0;

    struct zimu_config config = unit_config;
    const struct zimu_bus bus = {nullptr, read_register, write_register};
    struct zimu unit;
    const bool momentum = config.mean_bits;
    char order[16];
    while (std::scanf("%15s", order) == 1) {
        int status = -1;
        std::vector<int32_t> shown;
        if (!std::strcmp(order, "open")) {
            int32_t changed;
            if (std::scanf("%" SCNd32, &changed) != 1)
                return 1;
            config.digest = unit_config.digest + changed;
            status = zimu_open(&unit, &config, &bus);
        } else if (!std::strcmp(order, "seed")) {
            uint64_t seed;
            if (std::scanf("%" SCNu64, &seed) != 1)
                return 1;
            status = zimu_seed(&unit, seed);
        } else if (!std::strcmp(order, "load")) {
            auto weights = numbers();
            auto means = momentum ? numbers() : weights;
            status = zimu_load_weights(&unit, weights.data(), momentum ? means.data() : nullptr);
        } else if (!std::strcmp(order, "step")) {
            struct zimu_values values;
            int32_t decay, rate;
            if (std::scanf("%" SCNu32 "%" SCNu64 "%" SCNu32 "%" SCNd32 "%" SCNd32, &values.trials, &values.threshold,
                           &values.smoothing, &decay, &rate) != 5)
                return 1;
            values.decay = (uint8_t)decay;
            values.rate = (uint16_t)rate;
            auto gradients = numbers();
            status = zimu_step(&unit, &values, gradients.data());
        } else if (!std::strcmp(order, "start")) {
            struct zimu_values values = {1, 1, 0, 0, 0};
            status = zimu_start(&unit, &values);
        } else if (!std::strcmp(order, "part")) {
            // Gradients cut short, as by a program that was stopped.
            status = write_register(nullptr, ZIMU_GRADIENTS, 0x55555555);
        } else if (!std::strcmp(order, "rewind")) {
            status = zimu_rewind(&unit);
        } else if (!std::strcmp(order, "read")) {
            std::vector<int32_t> weights(config.depth), means(config.depth);
            status = zimu_read_weights(&unit, weights.data(), means.data());
            shown = weights;
            if (momentum)
                shown.insert(shown.end(), means.begin(), means.end());
        } else if (!std::strcmp(order, "counters")) {
            struct zimu_counters counters;
            status = zimu_read_counters(&unit, &counters);
            std::printf("%d %u %u %u %u %u %u %" PRIu64 "\n", status, counters.steps, counters.open_trials,
                        counters.discarded_trials, counters.rejected_draws, counters.saturations, counters.empty_steps,
                        counters.mass);
            continue;
        }
        std::printf("%d", status);
        for (int32_t number : shown)
            std::printf(" %" PRId32, number);
        std::printf("\n");
    }
    dut->final();
    delete dut;
    return 0;
}
