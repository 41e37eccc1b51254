"""The configuration refuses what cannot be built, in one line, and survives its TOML form."""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zimu.golden.errors import InputError
from zimu.golden.rule import Integer, PrngKind
from zimu.golden.unit import UnitConfig

ZIM8 = {
    "name": "zim8",
    "weight_bits": 8,
    "gradient_bits": 8,
    "smoothing_bits": 4,
    "depth": 1024,
    "lanes": 8,
    "gate": "trial",
    "gate_bits": 16,
    "prng": "xoshiro128++",
    "prng_lanes": 1,
    "sampler": "inverse",
    "form": "tree",
}

IDENTIFIER = r"must be text matching ^[a-z][a-z0-9_]{0,47}$"
RESERVED = "must not be a Verilog keyword or a module of the unit"
POWER = "must be a power of two"

REFUSALS = [
    ("name", "", IDENTIFIER),
    ("name", "Zim8", IDENTIFIER),
    ("name", "8zim", IDENTIFIER),
    ("name", "z" * 49, IDENTIFIER),
    ("name", "zim8\n", IDENTIFIER),
    ("name", 8, IDENTIFIER),
    ("name", "module", RESERVED),
    ("name", "logic", RESERVED),
    ("name", "endfunction", RESERVED),
    ("name", "xor", RESERVED),
    ("name", "zimu_core", RESERVED),
    ("weight_bits", 1, "must be an integer in 2..32"),
    ("weight_bits", 33, "must be an integer in 2..32"),
    ("weight_bits", 8.0, "must be an integer in 2..32"),
    ("weight_bits", True, "must be an integer in 2..32"),
    ("weight_bits", "8", "must be an integer in 2..32"),
    ("gradient_bits", 1, "must be an integer in 2..32"),
    ("gradient_bits", 33, "must be an integer in 2..32"),
    ("smoothing_bits", -1, "must be an integer in 0..32"),
    ("smoothing_bits", 33, "must be an integer in 0..32"),
    ("depth", 0, "must be an integer in 1..134217728"),
    ("depth", 2**27 + 1, "must be an integer in 1..134217728"),
    ("lanes", 0, "must be an integer in 1..256"),
    ("lanes", 512, "must be an integer in 1..256"),
    ("lanes", 12, POWER),
    ("gate", "never", "must be one of 'trial', 'step'"),
    ("gate_bits", 0, "must be an integer in 1..32"),
    ("gate_bits", 33, "must be an integer in 1..32"),
    (
        "prng",
        "mt19937",
        "must be one of 'xoshiro128++', 'philox4x32-10', 'pcg32', 'xoroshiro128aox', 'lfsr128', 'trivium'",
    ),
    ("prng_lanes", 0, "must be an integer in 1..16"),
    ("prng_lanes", 32, "must be an integer in 1..16"),
    ("prng_lanes", 3, POWER),
    ("sampler", "alias", "must be one of 'inverse', 'split'"),
    ("form", "bush", "must be one of 'search', 'tree'"),
    ("probe", 0, "must be an integer in 1..256"),
    ("probe", 3, POWER),
    ("probe", 16, "must be a power of two in 1..8, the lanes"),
]


@pytest.mark.parametrize(("field", "value", "allowed"), REFUSALS)
def test_a_value_out_of_range_is_refused_by_field_value_and_range(field, value, allowed):
    with pytest.raises(InputError) as refusal:
        UnitConfig(**ZIM8 | {field: value})
    assert str(refusal.value) == f"{field} = {value!r}: {allowed}"


@pytest.mark.parametrize(
    ("field", "smallest", "largest"),
    [
        ("weight_bits", 2, 32),
        ("gradient_bits", 2, 32),
        ("smoothing_bits", 0, 32),
        ("depth", 1, 2**27),
        ("lanes", 1, 256),
        ("gate_bits", 1, 32),
        ("prng_lanes", 1, 16),
        ("name", "z", "z" * 48),
    ],
)
def test_both_ends_of_every_range_are_accepted(field, smallest, largest):
    for value in (smallest, largest):
        assert getattr(UnitConfig(**ZIM8 | {field: value}), field) == value


def test_a_missing_field_is_named_with_its_range():
    fields = {name: value for name, value in ZIM8.items() if name != "depth"}
    with pytest.raises(InputError, match=r"^depth is missing: must be an integer in 1\.\.134217728$"):
        UnitConfig(**fields)


def test_an_unknown_key_is_named_with_the_known_ones():
    with pytest.raises(InputError) as refusal:
        UnitConfig(**ZIM8, tiles=16)
    assert str(refusal.value) == f"unknown key 'tiles': must be one of {', '.join(UnitConfig.model_fields)}"


SPLIT = {name: value for name, value in ZIM8.items() if name != "form"} | {"sampler": "split"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (ZIM8 | {"tile": 8}, "tile = 8: the inverse sampler has none: remove it"),
        (ZIM8 | {"engines": 1}, "engines = 1: the inverse sampler has none: remove it"),
        (SPLIT | {"form": "tree"}, "form = 'tree': the split sampler has none: remove it"),
        (SPLIT | {"tile": 4}, "tile = 4: must be at least lanes = 8, a tile is of whole beats"),
        (SPLIT | {"tile": 24}, "tile = 24: must be a power of two"),
        (SPLIT | {"tile": 256}, "tile = 256: must be an integer in 2..128"),
        (
            SPLIT | {"subtrees": 32, "depth": 1000},
            "subtrees = 32: must be in 1..16, a subtree has a tile at least (depth = 1000, tile = 64)",
        ),
        (
            SPLIT | {"tile_streams": 2, "engines": 4},
            "engines = 4: must be in 1..2, no more than tile_streams",
        ),
        (
            SPLIT | {"gradient_bits": 28},
            "tile = 64: the masses of a tile must add up to 4294967296 at most "
            "(tile = 64, gradient_bits = 28, smoothing_bits = 4)",
        ),
        (
            SPLIT | {"gradient_bits": 32, "lanes": 1, "tile": 2},
            "gradient_bits = 32: the masses of a tile must add up to 4294967296 at most "
            "(tile = 2, gradient_bits = 32, smoothing_bits = 4)",
        ),
        (
            SPLIT | {"smoothing_bits": 32, "lanes": 1, "tile": 2},
            "smoothing_bits = 32: the masses of a tile must add up to 4294967296 at most "
            "(tile = 2, gradient_bits = 8, smoothing_bits = 32)",
        ),
    ],
)
def test_what_does_not_fit_the_sampler_is_refused(fields, message):
    with pytest.raises(InputError) as refusal:
        UnitConfig(**fields)
    assert str(refusal.value) == message


def test_a_split_configuration_has_the_defaults_of_its_sampler_and_its_shape():
    config = UnitConfig(**SPLIT | {"depth": 300})
    assert config.split == (64, 1, 1, 1)
    assert (config.tiles, config.leaves, config.draw_bits, config.gate_lanes) == (5, 8, 16, 1)
    assert UnitConfig(**SPLIT | {"tile_streams": 4}).split.engines == 4
    assert UnitConfig(**SPLIT | {"gradient_bits": 11}).draw_bits == 32
    assert UnitConfig.from_toml(config.to_toml()) == config
    assert "form" not in config.to_toml()
    with pytest.raises(InputError, match="must be 'split' to have tiles"):
        UnitConfig(**ZIM8).split  # noqa: B018


@pytest.mark.parametrize(
    ("gradient_bits", "smoothing_bits", "limit"),
    [(32, 0, 2**17 - 1), (32, 16, (2**48 - 1) // (2**31 + 2**16 - 1)), (24, 0, 2**25 - 1)],
)
def test_depth_is_bounded_by_the_counter_of_w(gradient_bits, smoothing_bits, limit):
    fields = ZIM8 | {"gradient_bits": gradient_bits, "smoothing_bits": smoothing_bits}
    assert UnitConfig(**fields | {"depth": limit}).max_mass < 2**48
    with pytest.raises(InputError) as refusal:
        UnitConfig(**fields | {"depth": limit + 1})
    assert str(refusal.value) == (
        f"depth = {limit + 1}: must be in 1..{limit}, so that W fits its 48-bit counter "
        f"(gradient_bits = {gradient_bits}, smoothing_bits = {smoothing_bits})"
    )


def test_a_configuration_cannot_be_changed():
    config = UnitConfig(**ZIM8)
    with pytest.raises(ValueError, match="frozen"):
        config.depth = 7
    assert config.depth == 1024


OF_SPLIT = {"sampler": "split", "tile": 32, "subtrees": 4, "tile_streams": 2, "engines": 1}


def changed_by_replace(config, **changes):
    return config.replace(**changes)


def changed_by_copy(config, **changes):
    return config.model_copy(update=changes)


@pytest.mark.parametrize("changed", [changed_by_replace, changed_by_copy])
@pytest.mark.parametrize(
    ("fields", "change", "message"),
    [
        ({}, {"depth": 0}, "depth = 0: must be an integer in 1..134217728"),
        ({}, {"lanes": 3}, "lanes = 3: must be a power of two"),
        ({}, {"depht": 8}, "unknown key 'depht': must be one of name, "),
        ({}, {"tile": 8}, "tile = 8: the inverse sampler has none: remove it"),
        ({}, {"gradient_bits": 32, "depth": 2**27}, "depth = 134217728: must be in 1..131071"),
        (OF_SPLIT, {"form": "tree"}, "form = 'tree': the split sampler has none: remove it"),
        (OF_SPLIT, {"tile": 4}, "tile = 4: must be at least lanes = 8"),
        (OF_SPLIT, {"tile_streams": 4, "engines": 8}, "engines = 8: must be in 1..4"),
    ],
)
def test_a_changed_configuration_is_checked_like_any_other(changed, fields, change, message):
    config = UnitConfig(**ZIM8 | {"form": None} | fields)
    with pytest.raises(InputError) as refusal:
        changed(config, **change)
    assert str(refusal.value).startswith(message)


def test_a_changed_configuration_keeps_what_is_not_changed():
    config = UnitConfig(**ZIM8)
    assert config.replace() == config.model_copy() == config
    assert config.replace(depth=7, name="other") == UnitConfig(**ZIM8 | {"depth": 7, "name": "other"})
    split = UnitConfig(**{key: value for key, value in ZIM8.items() if key != "form"} | OF_SPLIT)
    assert split.replace() == split
    # Fields of the sampler go with it.
    assert config.replace(**OF_SPLIT) == split
    assert split.replace(sampler="inverse", form="tree") == config
    assert split.replace(sampler="inverse").form == "search"
    assert split.replace(engines=None).engines == 2


@pytest.mark.parametrize(
    ("fields", "derived"),
    [
        ({}, {"beats": 128, "max_mass": 1024 * (128 + 15), "draw_words": 1, "row_words": 1}),
        ({"depth": 1025}, {"beats": 129, "weight": Integer(8, signed=True), "max_threshold": 65536}),
        # The largest W of 2^32 still fits one word, one more needs two.
        ({"gradient_bits": 32, "smoothing_bits": 0, "depth": 2}, {"max_mass": 2**32, "draw_words": 1}),
        ({"gradient_bits": 32, "smoothing_bits": 1, "depth": 2}, {"max_mass": 2**32 + 2, "draw_words": 2}),
        ({"gradient_bits": 32, "depth": 3, "prng_lanes": 4}, {"draw_words": 2, "row_words": 4}),
        ({"gradient_bits": 32, "depth": 3}, {"draw_words": 2, "row_words": 2}),
        (
            {"weight_bits": 2, "gradient_bits": 3},
            {"weight": Integer(2, signed=True), "gradient": Integer(3, signed=True)},
        ),
        ({"smoothing_bits": 0}, {"max_smoothing": 0, "max_weight_mass": 128}),
        ({"smoothing_bits": 16, "gate_bits": 32}, {"max_smoothing": 65535, "max_threshold": 2**32}),
    ],
)
def test_what_follows_from_the_fields(fields, derived):
    config = UnitConfig(**ZIM8 | fields)
    assert {name: getattr(config, name) for name in derived} == derived


@settings(derandomize=True, deadline=None)
@given(st.data())
def test_toml_round_trip(data):
    config = UnitConfig(
        name=data.draw(st.from_regex(r"zim[a-z0-9_]{0,45}", fullmatch=True).filter(lambda s: s != "zimu_core")),
        weight_bits=data.draw(st.integers(2, 32)),
        gradient_bits=data.draw(st.integers(2, 32)),
        smoothing_bits=data.draw(st.integers(0, 32)),
        depth=data.draw(st.integers(1, 2**16)),
        lanes=2 ** data.draw(st.integers(0, 6)),
        gate=data.draw(st.sampled_from(["trial", "step"])),
        gate_bits=data.draw(st.integers(1, 32)),
        prng_lanes=2 ** data.draw(st.integers(0, 4)),
        prng=data.draw(st.sampled_from(get_args(PrngKind))),
        form=data.draw(st.sampled_from(["search", "tree"])),
    )
    assert UnitConfig.from_toml(config.to_toml()) == config


def test_the_documented_toml_form_is_read(tmp_path):
    path = tmp_path / "zim8.toml"
    lines = [
        f'{name} = "{value}"  # why' if isinstance(value, str) else f"{name} = {value}" for name, value in ZIM8.items()
    ]
    path.write_text("[unit]\n" + "\n".join(lines) + "\n")
    assert UnitConfig.load(path).model_dump(exclude_none=True) == ZIM8


def test_save_and_load(tmp_path):
    config = UnitConfig(**ZIM8)
    assert UnitConfig.load(config.save(tmp_path / "new folder" / "unit.toml")) == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[unit", "not valid TOML: "),
        ("", "no [unit] table: a configuration has exactly one; `zimu config` prints an example"),
        ("unit = 3", "no [unit] table: a configuration has exactly one; `zimu config` prints an example"),
        ("[unit]\nname = 'a'\n[float]\n", "unknown table or key 'float' beside [unit]: remove it"),
        ("[unit]\nname = 'a'\ncolour = 1\n", "unknown key 'colour': must be one of name, weight_bits"),
        ("[unit]\nname = 'a'\n", "weight_bits is missing: must be an integer in 2..32"),
    ],
)
def test_a_bad_file_is_refused_in_one_line_with_its_path(tmp_path, text, message):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(InputError) as refusal:
        UnitConfig.load(path)
    assert str(refusal.value).startswith(f"{path}: {message}")
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"missing\.toml: cannot be read: "):
        UnitConfig.load(tmp_path / "missing.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"binary\.toml: cannot be read: "):
        UnitConfig.load(tmp_path / "binary.toml")
