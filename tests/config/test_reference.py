import tomllib
from pathlib import Path

import pytest

from dovetail.config import Config, CorpusConfig, DataConfig, config_reference, parse_config
from dovetail.config.structure import sections_below

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
SECTIONS = [Config, *(section for _, section in sections_below(Config))]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_field_says_what_it_means(section):
    silent = [name for name, field in section.model_fields.items() if not field.description]
    assert silent == []


def test_reference_has_every_section_and_field():
    page = config_reference()
    for heading, section in sections_below(Config):
        _, _, after = page.partition(f"## `{heading}`\n")
        part = after.partition("\n## ")[0]
        told = DataConfig.model_fields.keys() if section is CorpusConfig else set()
        for name in section.model_fields.keys() - {"kind"} - told:
            assert f"| `{name}` |" in part


def test_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == config_reference(), (
        "run: python scripts/write_configuration.py"
    )


def test_example_of_the_page_is_enough():
    example = config_reference().partition("```toml\n")[2].partition("```")[0]
    assert parse_config(tomllib.loads(example)).data.has_dev
