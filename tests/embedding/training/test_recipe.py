"""Recipes as files: what is written is read again, and what makes no sense is said."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest

from embedding.training.recipe import AutoencoderRecipe, Recipe, make_recipe, write_recipe
from storage.errors import InputError

REPOSITORY = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        Recipe(("kind", "a+b"), (1, 0.5), weights=None, sizes=(32,), epochs=(0,), train_from=("heads",)),
        replace(Recipe(), teacher="taught.parquet", mixed=True, metric_loss="supcon"),
        AutoencoderRecipe(epochs=3, learning_rate=0.01),
    ],
    ids=["defaults", "from nothing", "teacher", "autoencoder"],
)
def test_a_recipe_is_read_as_it_was_written(recipe: Recipe | AutoencoderRecipe, tmp_path: Path) -> None:
    write_recipe(tmp_path / "recipe.toml", recipe)
    assert make_recipe(tmp_path / "recipe.toml") == recipe


def test_changes_replace_the_files_values(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text('labels = ["kind"]\nbatch = 8\n')
    changed = make_recipe(file, batch=16, weights="none")
    assert changed == Recipe(("kind",), weights=None, batch=16)


def test_the_autoencoder_ignores_what_it_does_not_have() -> None:
    assert make_recipe(None, "autoencoder", labels=["kind"], batch=4) == AutoencoderRecipe(batch=4)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("labels = [", r"recipe\.toml is no recipe"),
        ("learning_rates = 1", r"has no 'learning_rates'\. Did you mean learning_rate\?"),
        ('encoder = "vit"', "there is no encoder 'vit' to train"),
        ('sizes = ["large"]', r"The recipe's sizes\.0 is 'large'"),
        ("sizes = [96]", "1 sizes, 3 epochs and 3 blocks"),
        ("sizes = [96, 0, 128]", "photos of 0 px"),
        ("epochs = [1, -1, 1]", r"-1\.0 epochs"),
        ("epochs = [1, nan, 1]", "nan epochs"),
        ("lap_steps = 0", "every 0 steps"),
        ("refit_steps = -1", "The refit has -1 steps"),
        ('encoder = "autoencoder"\nbatch = 0', "A batch of 0, 100 epochs"),
        ('encoder = "autoencoder"\nepochs = 0', "A batch of 32, 0 epochs"),
        ('encoder = "autoencoder"\nsize = 100', "no photos of 100 px"),
        ('encoder = "autoencoder"\nlabels = ["kind"]', "a recipe of the encoder autoencoder has no 'labels'"),
    ],
)
def test_what_makes_no_sense_is_said(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(text)
    with pytest.raises(InputError, match=sentence):
        make_recipe(tmp_path / "recipe.toml")


def test_the_documented_recipe_has_the_defaults(tmp_path: Path) -> None:
    documented = (REPOSITORY / "docs" / "commands.md").read_text("utf-8").split("```toml\nencoder")[1]
    (tmp_path / "recipe.toml").write_text("encoder" + documented.partition("```")[0])
    assert make_recipe(tmp_path / "recipe.toml") == Recipe()
    assert "encoder" in tomllib.loads((tmp_path / "recipe.toml").read_text())


def test_the_bundled_weights_have_their_recipe() -> None:
    with resources.as_file(
        resources.files("embedding.encoder") / "weights" / "fashion-fast.recipe.toml"
    ) as file:
        recipe = make_recipe(file)
    assert isinstance(recipe, Recipe)
    assert recipe.label_weights == (1, 1.5, 0.3, 0.2, 0.1, 0.8)
