"""One TOML file, read into frozen sections that forbid unknown keys and contradictions.

`Config` is the whole; `load_config` reads it from a file, `dump_config` writes it back complete.
The config stops at `dovetail.build`: networks take plain numbers.  This package knows pydantic,
the errors and `Reading`, and imports nothing else of Dovetail; above all no torch, so it is quick
to import.
"""

from dovetail.config.changes import problem_with, value_of, with_changes
from dovetail.config.config import Config
from dovetail.config.config_files import dump_config, load_config, parse_config
from dovetail.config.data import DataConfig
from dovetail.config.distillation import DistillationConfig
from dovetail.config.encoders import (
    BrownEncoderConfig,
    CasingEncoderConfig,
    CharactersEncoderConfig,
    ElmoEncoderConfig,
    EncoderConfig,
    PretrainedEncoderConfig,
    StaticEncoderConfig,
)
from dovetail.config.heads import (
    CrfEntityHeadConfig,
    EntityHeadConfig,
    RelationHeadConfig,
    SpanEntityHeadConfig,
)
from dovetail.config.incremental import (
    BankSharingConfig,
    DeltasSharingConfig,
    IncrementalSharingConfig,
)
from dovetail.config.inside_layers import GatesSharingConfig, PrimitivesSharingConfig
from dovetail.config.reference import config_reference
from dovetail.config.sharing import (
    BottomSharingConfig,
    DepthSharingConfig,
    ExitsSharingConfig,
    ProbeSharingConfig,
    SharingConfig,
    copies_layers,
)
from dovetail.config.training import TrainingConfig
from dovetail.config.windows import WindowsConfig

__all__ = [
    "BankSharingConfig",
    "BottomSharingConfig",
    "BrownEncoderConfig",
    "CasingEncoderConfig",
    "CharactersEncoderConfig",
    "Config",
    "CrfEntityHeadConfig",
    "DataConfig",
    "DeltasSharingConfig",
    "DepthSharingConfig",
    "DistillationConfig",
    "ElmoEncoderConfig",
    "EncoderConfig",
    "EntityHeadConfig",
    "ExitsSharingConfig",
    "GatesSharingConfig",
    "IncrementalSharingConfig",
    "PretrainedEncoderConfig",
    "PrimitivesSharingConfig",
    "ProbeSharingConfig",
    "RelationHeadConfig",
    "SharingConfig",
    "SpanEntityHeadConfig",
    "StaticEncoderConfig",
    "TrainingConfig",
    "WindowsConfig",
    "config_reference",
    "copies_layers",
    "dump_config",
    "load_config",
    "parse_config",
    "problem_with",
    "value_of",
    "with_changes",
]
