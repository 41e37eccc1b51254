// The rules of classic Wishbone cycles (Wishbone B4, chapter 3) and of APB (ARM IHI 0024), written for the proof in
// sim/formal.py; its circuit is `WishboneBridge` in rtl/buses.py.
//
// A manager holds a cycle until it is answered, which is assumed unless it gives it up; what answers on the APB side is
// anything. Judged is that a strobe is answered once for each access of the APB side, by what that said, that a write of
// less than a word never gets there and is answered by err, and that an answer comes in the second clock in which the
// APB side does not wait.
module model #(
    parameter ADDRESS_BITS = 8
) (
    input                     clk,
    input                     rst,
    input                     wishbone__cyc,
    input                     wishbone__stb,
    input                     wishbone__we,
    input  [ADDRESS_BITS-3:0] wishbone__adr,
    input  [3:0]              wishbone__sel,
    input  [31:0]             wishbone__dat_w,
    output [31:0]             want_wishbone__dat_r,
    output                    want_wishbone__ack,
    output                    want_wishbone__err,
    output                    want_bus__psel,
    output                    want_bus__penable,
    output                    want_bus__pwrite,
    output [ADDRESS_BITS-1:0] want_bus__paddr,
    output [31:0]             want_bus__pwdata,
    input  [31:0]             bus__prdata,
    input                     bus__pready,
    input                     bus__pslverr,
    input                     rtl_enabled,
    output                    related
);
    reg second = 0;  // the strobe was there a clock ago, and has not been answered

    wire asked = wishbone__cyc && wishbone__stb;
    wire refused = wishbone__we && wishbone__sel != 4'hf;
    wire answered = asked && second && (refused || bus__pready);
    assign want_wishbone__ack = answered && !refused && !bus__pslverr;
    assign want_wishbone__err = answered && (refused || bus__pslverr);
    assign want_wishbone__dat_r = bus__prdata;
    assign want_bus__psel = asked && !refused;
    assign want_bus__penable = asked && !refused && second;
    assign want_bus__pwrite = wishbone__we;
    assign want_bus__paddr = {wishbone__adr, 2'b00};
    assign want_bus__pwdata = wishbone__dat_w;
    assign related = rtl_enabled == second;

    always @(posedge clk)
        second <= !rst && asked && !answered;
endmodule
