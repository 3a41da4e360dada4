"""One TOML file, read into frozen sections that forbid unknown keys and contradictions.

`Config` is the whole; `load_config` reads it from a file, `dump_config` writes it back complete.
This package knows pydantic, the errors and `Reading`, and imports nothing else of Dovetail; above
all no torch, so it is quick to import.  The sections of sharing strategies and of couplings stand
with these, in `dovetail.strategies` and `dovetail.couplings`, which are asked when a kind is looked
up.
"""

from dovetail.config.changes import problem_with, value_of, with_changes
from dovetail.config.config import Config
from dovetail.config.config_files import dump_config, load_config, parse_config
from dovetail.config.reference import config_reference
from dovetail.config.saved_config import dump_network, load_saved
from dovetail.config.section import Contradiction
from dovetail.config.sections.auxiliary_section import AuxiliaryConfig
from dovetail.config.sections.committee_section import MAX_MEMBERS, CommitteeConfig
from dovetail.config.sections.coupling_section import CouplingConfig
from dovetail.config.sections.data_section import DataConfig
from dovetail.config.sections.distillation_section import DistillationConfig
from dovetail.config.sections.encoder_sections import (
    BrownEncoderConfig,
    CasingEncoderConfig,
    CharactersEncoderConfig,
    ElmoEncoderConfig,
    EncoderConfig,
    PretrainedEncoderConfig,
    StaticEncoderConfig,
)
from dovetail.config.sections.head_sections import (
    CrfEntityHeadConfig,
    EntityHeadConfig,
    RelationHeadConfig,
    SpanEntityHeadConfig,
)
from dovetail.config.sections.several_corpora import CorpusConfig, MixingConfig
from dovetail.config.sections.sharing_section import SharingConfig
from dovetail.config.sections.training_section import TrainingConfig
from dovetail.config.sections.windows_section import WindowsConfig

__all__ = [
    "MAX_MEMBERS",
    "AuxiliaryConfig",
    "BrownEncoderConfig",
    "CasingEncoderConfig",
    "CharactersEncoderConfig",
    "CommitteeConfig",
    "Config",
    "Contradiction",
    "CorpusConfig",
    "CouplingConfig",
    "CrfEntityHeadConfig",
    "DataConfig",
    "DistillationConfig",
    "ElmoEncoderConfig",
    "EncoderConfig",
    "EntityHeadConfig",
    "MixingConfig",
    "PretrainedEncoderConfig",
    "RelationHeadConfig",
    "SharingConfig",
    "SpanEntityHeadConfig",
    "StaticEncoderConfig",
    "TrainingConfig",
    "WindowsConfig",
    "config_reference",
    "dump_config",
    "dump_network",
    "load_config",
    "load_saved",
    "parse_config",
    "problem_with",
    "value_of",
    "with_changes",
]
