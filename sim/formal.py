"""Unbounded proofs that a circuit equals a model of it in plain Verilog: induction by Yosys' own SAT solver.

The models are in ``sim/models``. A model is a module ``model`` that takes the circuit's inputs under their own names
and says what it expects of an output ``x`` through ``want_x``. For the induction it also sees the circuit's registers,
as ``rtl_<name>``, and holds ``related`` high while they and its own state mean the same. What the environment must keep
to is stated in the model by ``assume``.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from amaranth.lib import wiring

from zimu.golden.errors import ToolError, ZimuError
from zimu.golden.files import scratch_folder
from zimu.golden.programs import yosys
from zimu.rtl.netlist import write_rtlil
from zimu.sim.pins import port_signals

MODELS = Path(__file__).with_name("models")

DEFAULT_TIMEOUT = 300.0
"""Seconds a proof may take."""

_MAX_STEPS = 4
"""Longest induction tried; with the registers related one clock is enough."""

Registers = Mapping[str, Sequence[tuple[str, int]]]
"""What a model sees of the circuit's registers: its name for them, then their own names and widths, lowest first."""


class ProofError(ZimuError, AssertionError):
    """No proof; the message holds the counterexample, clock by clock."""


def prove(
    component: wiring.Component,
    model: str,
    *,
    parameters: Mapping[str, int],
    registers: Registers,
    watched: Iterable[str] = (),
    mutation: Sequence[str] = (),
    timeout: float = DEFAULT_TIMEOUT,
) -> None:
    """Prove that after any sequence of inputs, resets included, all outputs are what the model wants.

    Parameters
    ----------
    component : the circuit.
    model : file name in ``sim/models``, without ``.v``.
    parameters : the model's parameters.
    registers : the registers the model sees.
    watched : outputs that the model does not predict but sees as ``rtl_<name>`` and judges through ``related``.
    mutation : Yosys commands that change the circuit first, so that the proof must fail.
    timeout : seconds.

    Raises
    ------
    ProofError
        they differ, or nothing is known because ``related`` says too little.
    ToolError
        the time is over.
    """
    with scratch_folder() as folder:
        rtlil = write_rtlil(component, "rtl", folder).read_text(encoding="utf-8")
        clocking = ["clk", "rst"] if "\\clk" in rtlil else []
        bench, shown = _bench(component, clocking, parameters, registers, set(watched))
        (folder / "bench.v").write_text(bench, encoding="utf-8")
        exposed = [f"w:{wire}" for wires in registers.values() for wire, _ in wires]
        script = [
            "read_rtlil rtl.il",
            "hierarchy -check -top rtl",
            "proc",
            "flatten",
            "opt_clean",
            *mutation,
            f"expose {' '.join(exposed)}" if exposed else "",
            f"read_verilog -sv -formal {MODELS / model}.v bench.v",
            "hierarchy -check -top bench",
            "proc",
            "flatten",
            "chformal -lower",
            "opt_expr",
            "opt_merge",
            "wreduce bench",  # products of the same operands get the same widths, so that they become one
            "opt_merge",
            "opt_clean",
            f"tee -o proof.log sat -tempinduct -maxsteps {_MAX_STEPS} -prove ok 1 -set-assumes "
            f"-show-inputs {' '.join(f'-show {name}' for name in shown)} -verify bench",
        ]
        try:
            yosys(script, folder=folder, timeout=timeout)
        except ToolError as error:
            log = folder / "proof.log"
            found = log.read_text(encoding="utf-8") if log.exists() else ""
            if "Called with -verify and proof did fail" not in str(error):
                raise
            wrong = "model found for base case" in found
            what = "circuit and model differ" if wrong else f"no induction over {_MAX_STEPS} clocks"
            raise ProofError(f"{model}: {what}\n{_counterexample(found)}") from None


def _counterexample(log: str) -> str:
    """The last table of values in the log: which inputs, clock by clock, lead to what."""
    start = log.rfind("Signal Name")
    table = log[log.rfind("\n", 0, start) + 1 :] if start >= 0 else log
    return table.partition("\n\n")[0]


def _bench(
    component: wiring.Component,
    clocking: list[str],
    parameters: Mapping[str, int],
    registers: Registers,
    watched: set[str],
) -> tuple[str, list[str]]:
    """A module that feeds circuit and model alike, whose ``ok`` says that they agree, and its wires worth showing."""
    ports = {name: (len(signal), flow) for name, (signal, flow) in port_signals(component).items()}
    inputs = {name: width for name, (width, flow) in ports.items() if flow is wiring.In}
    outputs = {name: width for name, (width, flow) in ports.items() if flow is wiring.Out}
    predicted = [name for name in outputs if name not in watched]

    wires = [f"(* keep *) wire [{width - 1}:0] rtl_{name};" for name, width in outputs.items()]
    wires += [f"wire [{outputs[name] - 1}:0] want_{name};" for name in predicted]
    circuit = {name: name for name in (*clocking, *inputs)} | {name: f"rtl_{name}" for name in outputs}
    for name, members in registers.items():
        wires += [f"wire [{width - 1}:0] {name}_{wire};" for wire, width in members]
        width = max(sum(width for _, width in members), 1)
        parts = ", ".join(f"{name}_{wire}" for wire, _ in reversed(members))
        wires.append(f"(* keep *) wire [{width - 1}:0] rtl_{name} = {'{' + parts + '}' if members else 0};")
        circuit |= {wire: f"{name}_{wire}" for wire, _ in members}
    seen = [*clocking, *inputs, *(f"want_{name}" for name in predicted), "related"]
    seen += [f"rtl_{name}" for name in (*sorted(watched), *registers)]
    constants = {name: f"64'd{value}" if value >= 2**31 else str(value) for name, value in parameters.items()}

    declared = [f"input {name}" for name in clocking]
    declared += [f"input [{width - 1}:0] {name}" for name, width in inputs.items()]
    same = [f"rtl_{name} == want_{name}" for name in predicted]
    lines = [
        f"module bench({', '.join(declared)}, output ok);",
        *wires,
        "wire related;",
        f"rtl circuit({_named(circuit)});",
        f"model #({_named(constants)}) reference({_named({name: name for name in seen})});",
        f"assign ok = {' && '.join(['related', *same])};",
        "endmodule",
    ]
    shown = [f"rtl_{name}" for name in (*outputs, *registers)] + [f"want_{name}" for name in predicted]
    return "\n".join(lines) + "\n", shown


def _named(connections: Mapping[str, str]) -> str:
    return ", ".join(f".{port}({value})" for port, value in connections.items())
