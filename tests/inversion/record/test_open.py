"""What an open record says of its settings."""

from __future__ import annotations

import pytest
import yaml

from inversion.record.open import as_yaml


@pytest.mark.parametrize(
    "name", ["me.jpg", "Größe.jpg", "😀.jpg", "caf\udce9.jpg", "a\nb.jpg", "1e3", "null"]
)
def test_a_photo_of_any_name_is_in_the_settings_as_it_is_called(name: str) -> None:
    config = {"image": name, "steps": 5, "phases": [{"space": "w+"}], "seed": None}
    assert yaml.safe_load(as_yaml(config).decode("utf-8")) == config
