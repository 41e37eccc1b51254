// The rules of AXI4-Lite and APB (ARM IHI 0022, IHI 0024) and what of docs/interfaces.md concerns the bridge between them,
// written for the proof in sim/formal.py; its circuit is `AxiLiteBridge` in rtl/buses.py.
//
// A manager holds what it offers until it is taken, which is assumed; what answers on the APB side is anything. Judged is
// that each transfer is answered once, with what the APB side said, that a write of less than a word never gets there, that
// both sides' rules are kept, and that nothing waits longer than WAIT clocks in which neither the APB side nor a response
// not yet taken makes it wait.
module model #(
    parameter ADDRESS_BITS = 8,
    parameter WAIT = 5
) (
    input                     clk,
    input                     rst,
    input  [ADDRESS_BITS-1:0] axi__awaddr,
    input  [2:0]              axi__awprot,
    input                     axi__awvalid,
    input  [31:0]             axi__wdata,
    input  [3:0]              axi__wstrb,
    input                     axi__wvalid,
    input                     axi__bready,
    input  [ADDRESS_BITS-1:0] axi__araddr,
    input  [2:0]              axi__arprot,
    input                     axi__arvalid,
    input                     axi__rready,
    input  [31:0]             bus__prdata,
    input                     bus__pready,
    input                     bus__pslverr,
    input                     rtl_axi__awready,
    input                     rtl_axi__wready,
    input  [1:0]              rtl_axi__bresp,
    input                     rtl_axi__bvalid,
    input                     rtl_axi__arready,
    input  [31:0]             rtl_axi__rdata,
    input  [1:0]              rtl_axi__rresp,
    input                     rtl_axi__rvalid,
    input                     rtl_bus__psel,
    input                     rtl_bus__penable,
    input                     rtl_bus__pwrite,
    input  [ADDRESS_BITS-1:0] rtl_bus__paddr,
    input  [31:0]             rtl_bus__pwdata,
    input                     rtl_active,
    input                     rtl_enabled,
    input                     rtl_writes,
    input                     rtl_held,
    input  [ADDRESS_BITS-1:0] rtl_address,
    output                    related
);
    // What the manager offered a clock ago, if it was not taken.
    reg                       w_kept = 0, ar_kept = 0;
    reg [31:0]                w_data = 0;
    reg [3:0]                 w_strobe = 0;
    reg [ADDRESS_BITS-1:0]    ar_address = 0;
    // An address taken whose data are not, and responses owed.
    reg                       addressed = 0;
    reg [ADDRESS_BITS-1:0]    aw_address = 0;
    reg                       b_owed = 0, r_owed = 0;
    reg [1:0]                 b_answer = 0, r_answer = 0;
    reg [31:0]                r_data = 0;
    // APB a clock ago.
    reg                       selected = 0, completed = 0, was_write = 0;
    reg [ADDRESS_BITS-1:0]    was_address = 0;
    reg [31:0]                was_data = 0;
    reg [2:0]                 waited_write = 0, waited_read = 0;

    always @* begin
        assume (!w_kept || axi__wvalid && axi__wdata == w_data && axi__wstrb == w_strobe);
        assume (!ar_kept || axi__arvalid && axi__araddr == ar_address);
    end

    wire partial = axi__wstrb != 4'hf;
    wire access = rtl_bus__psel && rtl_bus__penable && bus__pready;
    wire aw_taken = axi__awvalid && rtl_axi__awready;
    wire w_taken = axi__wvalid && rtl_axi__wready;
    wire ar_taken = axi__arvalid && rtl_axi__arready;

    // Responses are there when owed, and only then.
    wire answers = rtl_axi__bvalid == b_owed && (!b_owed || rtl_axi__bresp == b_answer)
                && rtl_axi__rvalid == r_owed && (!r_owed || rtl_axi__rresp == r_answer && rtl_axi__rdata == r_data);
    // Data are taken for an address alone, and a transfer when the APB side ends it; of a partial one it sees nothing.
    wire takes = (!rtl_axi__wready || addressed && axi__wvalid && !(b_owed && !axi__bready))
              && (!rtl_axi__arready || axi__arvalid && !(r_owed && !axi__rready))
              && !(rtl_axi__wready && rtl_axi__arready) && !(rtl_axi__awready && addressed)
              && access == (w_taken && !partial || ar_taken)
              && (!access || rtl_bus__pwrite == w_taken)
              && (!rtl_bus__psel || !rtl_bus__pwrite || axi__wvalid && !partial);
    // Setup, then access until it is ready, of one and the same transfer.
    wire phases = (!rtl_bus__penable || rtl_bus__psel) && (!rtl_bus__psel || rtl_bus__penable == (selected && !completed));
    wire holds = !(selected && !completed) || rtl_bus__psel && rtl_bus__pwrite == was_write
              && rtl_bus__paddr == was_address && (!was_write || rtl_bus__pwdata == was_data);
    wire carries = !rtl_bus__psel || (rtl_bus__pwrite ? rtl_bus__paddr == aw_address && rtl_bus__pwdata == axi__wdata
                                                      : axi__arvalid && rtl_bus__paddr == axi__araddr);
    wire prompt = waited_write <= WAIT && waited_read <= WAIT;
    // What the registers mean, from which the rest follows.
    wire state = rtl_held == addressed && (!addressed || rtl_address == aw_address)
              && (!rtl_enabled || rtl_active)
              && (!rtl_active || (rtl_writes ? addressed && axi__wvalid : axi__arvalid))
              && (!rtl_active || !(rtl_writes ? b_owed : r_owed))
              && (selected && !completed) == (rtl_active && rtl_enabled && !(rtl_writes && w_strobe != 4'hf))
              && (!rtl_active || (rtl_writes ? w_kept : ar_kept));
    // Where it stands says how long a transfer may have waited: behind one of the other kind, then through its own clocks.
    wire [2:0] passed = {1'b0, rtl_active} + {1'b0, rtl_enabled};
    wire patience = (rtl_active && rtl_writes ? waited_write <= 3 + passed : !rtl_active ? waited_write <= 3 : waited_write <= 1 + passed)
                 && (rtl_active && !rtl_writes ? waited_read <= 3 + passed : !rtl_active ? waited_read <= 3 : waited_read <= 1 + passed);
    assign related = answers && takes && phases && holds && carries && prompt && state && patience;

    wire b_blocks = rtl_axi__bvalid && !axi__bready;
    wire r_blocks = rtl_axi__rvalid && !axi__rready;
    always @(posedge clk) begin
        w_kept <= axi__wvalid && !rtl_axi__wready;
        w_data <= axi__wdata;
        w_strobe <= axi__wstrb;
        ar_kept <= axi__arvalid && !rtl_axi__arready;
        ar_address <= axi__araddr;
        if (aw_taken) begin
            addressed <= 1;
            aw_address <= axi__awaddr;
        end
        if (w_taken)
            addressed <= 0;
        if (w_taken) begin
            b_owed <= 1;
            b_answer <= partial || bus__pslverr ? 2 : 0;
        end else if (axi__bready)
            b_owed <= 0;
        if (ar_taken) begin
            r_owed <= 1;
            r_answer <= bus__pslverr ? 2 : 0;
            r_data <= bus__prdata;
        end else if (axi__rready)
            r_owed <= 0;
        selected <= rtl_bus__psel;
        completed <= access;
        was_write <= rtl_bus__pwrite;
        was_address <= rtl_bus__paddr;
        was_data <= rtl_bus__pwdata;
        if (!(addressed && axi__wvalid) || w_taken || b_blocks)
            waited_write <= 0;
        else if (!(rtl_bus__psel && rtl_bus__penable && !bus__pready) && !r_blocks)
            waited_write <= waited_write + 1;
        if (!axi__arvalid || ar_taken || r_blocks)
            waited_read <= 0;
        else if (!(rtl_bus__psel && rtl_bus__penable && !bus__pready) && !b_blocks)
            waited_read <= waited_read + 1;
        if (rst) begin
            {w_kept, ar_kept, addressed, b_owed, r_owed, selected, completed} <= 0;
            {waited_write, waited_read} <= 0;
        end
    end
endmodule
