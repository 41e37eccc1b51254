// The running means of gradients, written from docs/contract.md ("Momentum") for the proof in sim/formal.py; their
// circuit is rtl/momentum.py.
//
// A beat of gradients and one of means are taken together. Two clocks later, or later still if a write waits, the new
// means are written to the beats in order, and v goes on in the clock in which they are.
module model #(
    parameter LANES = 2,
    parameter MEAN_BITS = 6,
    parameter GRADIENT_BITS = 3,
    parameter SIGN_MAGNITUDE = 0,
    parameter BEATS = 3,
    parameter ADDRESS_BITS = 2
) (
    input                                    clk,
    input                                    rst,
    input      [2:0]                         decay,
    input                                    request__valid,
    input      [ADDRESS_BITS-1:0]            request__payload,
    output                                   want_request__ready,
    input                                    beat__ready,
    output                                   want_beat__valid,
    input      [LANES*GRADIENT_BITS-1:0]     rtl_beat__payload,
    output                                   want_gradient_request__valid,
    output     [ADDRESS_BITS-1:0]            want_gradient_request__payload,
    input                                    gradient_request__ready,
    input                                    gradient_beat__valid,
    input      [LANES*GRADIENT_BITS-1:0]     gradient_beat__payload,
    output                                   want_gradient_beat__ready,
    output                                   want_read__valid,
    output     [ADDRESS_BITS-1:0]            want_read__payload,
    input                                    read__ready,
    input                                    read_data__valid,
    input      [LANES*MEAN_BITS-1:0]         read_data__payload,
    output                                   want_read_data__ready,
    output                                   want_write__valid,
    input      [ADDRESS_BITS+LANES*MEAN_BITS-1:0] rtl_write__payload,
    input                                    write__ready,
    input      [1:0]                         rtl_asked,
    input                                    rtl_compared,
    input                                    rtl_idle,
    input      [LANES*MEAN_BITS-1:0]         rtl_means,
    input      [LANES*(MEAN_BITS+1)-1:0]     rtl_ways,
    output reg                               related
);
    localparam SHIFT = MEAN_BITS - GRADIENT_BITS;
    localparam LARGEST = SHIFT - 1 < 7 ? SHIFT - 1 : 7;

    reg gradient_asked = 0, mean_asked = 0;  // one of the two memories has taken the request already
    reg full = 0;                            // a beat was taken a clock ago
    reg leaving = 0;                         // a beat is to be written
    reg [2:0] promised = 0;                  // b, which must hold during a step
    reg [LANES*MEAN_BITS-1:0] before = 0, after = 0;
    reg [LANES*GRADIENT_BITS-1:0] gradients = 0;
    reg [ADDRESS_BITS-1:0] place = 0;

    always @* assume (decay <= LARGEST && (!full || decay == promised));

    wire moves = !leaving || write__ready;
    wire both = gradient_beat__valid && read_data__valid;
    assign want_gradient_beat__ready = both && moves;
    assign want_read_data__ready = both && moves;
    assign want_write__valid = leaving;
    assign want_beat__valid = leaving && write__ready;
    assign want_gradient_request__valid = request__valid && !gradient_asked;
    assign want_read__valid = request__valid && !mean_asked;
    assign want_gradient_request__payload = request__payload;
    assign want_read__payload = request__payload;
    wire gradient_done = gradient_asked || gradient_request__ready, mean_done = mean_asked || read__ready;
    assign want_request__ready = gradient_done && mean_done;

    // t and the next m of each lane of the beat that was taken.
    reg signed [MEAN_BITS:0] g, m, t, moved;
    reg [LANES*MEAN_BITS-1:0] next;
    integer i;
    always @* begin
        related = rtl_asked == {mean_asked, gradient_asked} && rtl_compared == full && rtl_idle == !full;
        for (i = 0; i < LANES; i = i + 1) begin
            g = $signed(gradients[GRADIENT_BITS*i +: GRADIENT_BITS]);
            if (SIGN_MAGNITUDE) begin
                g = 0;
                g[GRADIENT_BITS-2:0] = gradients[GRADIENT_BITS*i +: GRADIENT_BITS-1];
                if (gradients[GRADIENT_BITS*(i+1) - 1]) g = -g;
            end
            m = $signed(before[MEAN_BITS*i +: MEAN_BITS]);
            t = (g <<< SHIFT) + (1 << (SHIFT - 1));
            moved = m + ((t - m) >>> promised);
            next[MEAN_BITS*i +: MEAN_BITS] = moved;
            t = t - m;
            if (full)
                related = related && rtl_means[MEAN_BITS*i +: MEAN_BITS] == before[MEAN_BITS*i +: MEAN_BITS]
                    && $signed(rtl_ways[(MEAN_BITS+1)*i +: MEAN_BITS+1]) == t >>> (promised & 6);
            if (leaving)
                related = related
                    && rtl_beat__payload[GRADIENT_BITS*i +: GRADIENT_BITS] == after[MEAN_BITS*i + SHIFT +: GRADIENT_BITS];
        end
        related = related && rtl_write__payload[ADDRESS_BITS-1:0] == place && place < BEATS
            && (!leaving || rtl_write__payload[ADDRESS_BITS +: LANES*MEAN_BITS] == after);
    end

    always @(posedge clk)
        if (rst) begin
            {gradient_asked, mean_asked, full, leaving} <= 0;
            place <= 0;
        end else begin
            if (request__valid) begin
                gradient_asked <= gradient_done && !mean_done;
                mean_asked <= mean_done && !gradient_done;
            end
            if (moves) begin
                full <= both;
                promised <= decay;
                before <= read_data__payload;
                gradients <= gradient_beat__payload;
                leaving <= full;
                after <= next;
            end
            if (leaving && write__ready) place <= place == BEATS - 1 ? 0 : place + 1;
        end
endmodule
