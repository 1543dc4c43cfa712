"""The settings of one installation: `lookalike.toml`, environment variables and the command line."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from flows.alert_settings import AlertSettings
from flows.log_settings import LogSettings
from flows.maintain_settings import MaintainSettings
from flows.prefect_settings import PrefectSettings, ScheduleSettings
from flows.scale_settings import ScaleSettings, TelemetrySettings
from flows.settings_section import Section
from scrapers.config.store import Limits, Store
from scrapers.http.addresses import hide_userinfo
from storage.errors import InputError
from storage.root import Root

CONFIG_NAME = "lookalike.toml"
DATA_DIR = Path("data")
DATA_VARIABLE = "LOOKALIKE_DATA"
CACHE_VARIABLE = "LOOKALIKE_CACHE"


HOST_NAME = r"^(\*|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)$"
"""A host name in lower case, without scheme and port; `*` is any."""
HostName = Annotated[str, StringConstraints(pattern=HOST_NAME)]


class CrawlSettings(Section):
    """How stores are crawled; `limits` hold for every store that does not set its own."""

    at_once: int = Field(default=4, ge=1, le=64, description="Stores crawled at the same time.")
    allow_private: bool = Field(default=False, description="Whether stores on private addresses are allowed.")
    throttle: bool = Field(default=True, description="Whether to slow down to the pace of the store.")
    retries: int = Field(default=1, ge=0, le=10, description="Tries after a failed crawl, in a Prefect run.")
    retry_delay_s: float = Field(default=30.0, ge=0, description="Seconds before each such try.")
    serve_for: int = Field(
        default=30,
        ge=1,
        description="Days after which a store that no crawl has read leaves the index.",
    )
    dead_nights: int = Field(
        default=7, ge=1, description="Failed nights in a row after which a store is called dead."
    )
    limits: Limits = Field(default_factory=Limits)


class EmbedSettings(Section):
    """Which encoder turns photos into vectors."""

    weights: str = Field(
        default="fashion", min_length=1, description="`fashion`, `fashion-fast`, `imagenet` or a file."
    )


class IndexSettings(Section):
    """What the index must be like before it may be published."""

    recall_goal: float = Field(default=0.99, gt=0, le=1, description="Least recall@5 against exact search.")
    max_loss: float = Field(default=0.3, ge=0, le=1, description="Share of the products a build may lose.")
    shard_rows: int = Field(default=500_000, ge=1000, description="Most photos in one file of the engine's.")
    engine: Literal["annoy", "usearch"] = Field(default="annoy", description="What finds candidates.")


class RecommendSettings(Section):
    """Whom the night recommends to."""

    purchases: str = Field(default="", description="A file of purchases; empty for no recommendations.")
    store: str = Field(default="", description="The store of all purchases, where the file names none.")
    k: int = Field(default=12, ge=1, le=1000, description="Products for each customer.")

    @property
    def purchases_file(self) -> Path | None:
        """The file, None where none is named."""
        return Path(self.purchases) if self.purchases else None


class DashboardSettings(Section):
    """The dashboard."""

    hosts: list[HostName] = Field(
        default=[], description="Names it answers under, beside localhost and this machine's own."
    )
    health: bool = Field(
        default=False, description="Whether it has the page Health, where crawls are accepted and rejected."
    )


class _File(Section):
    """What `lookalike.toml` may hold."""

    name: str = Field(default="", pattern=r"^([a-z0-9][a-z0-9.-]*)?$")
    data: str = ""
    crawl: CrawlSettings = CrawlSettings()
    embed: EmbedSettings = EmbedSettings()
    index: IndexSettings = IndexSettings()
    recommend: RecommendSettings = RecommendSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    maintain: MaintainSettings = MaintainSettings()
    logs: LogSettings = LogSettings()
    prefect: PrefectSettings = PrefectSettings()
    alerts: AlertSettings = AlertSettings()
    dashboard: DashboardSettings = DashboardSettings()
    scale: ScaleSettings = ScaleSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    stores: list[Store] = Field(default_factory=list)


class Config(BaseModel):
    """Resolved settings: every path absolute, every store with its limits filled in.

    :ivar file: the `lookalike.toml` they were read from, None where there is none.
    :ivar name: the catalogue's name in Prefect; empty where the file gives none.
    :ivar data: the data root: a folder, or `s3://bucket/prefix`.
    :ivar cache: the folder for copies of a bucket's files; the user's own where None.
    """

    model_config = ConfigDict(frozen=True)

    file: Path | None
    name: str = ""
    data: Path | str
    cache: Path | None = None
    stores: tuple[Store, ...] = ()
    crawl: CrawlSettings = CrawlSettings()
    embed: EmbedSettings = EmbedSettings()
    index: IndexSettings = IndexSettings()
    recommend: RecommendSettings = RecommendSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    maintain: MaintainSettings = MaintainSettings()
    logs: LogSettings = LogSettings()
    prefect: PrefectSettings = PrefectSettings()
    alerts: AlertSettings = AlertSettings()
    dashboard: DashboardSettings = DashboardSettings()
    scale: ScaleSettings = ScaleSettings()
    telemetry: TelemetrySettings = TelemetrySettings()

    def open_root(self, *, create: bool = False) -> Root:
        """The data root; see `storage.root.Root.open`."""
        return Root.open(self.data, create=create, cache=self.cache)

    def choose_stores(self, names: Iterable[str] = ()) -> tuple[Store, ...]:
        """The stores of these names, in this order; all where no name is given.

        :raises InputError: where a name is unknown, or no store is configured at all.
        """
        where = self.file or CONFIG_NAME
        if not self.stores:
            raise InputError(f"{where} names no store. Add one with `lookalike stores add URL`.")
        known = {store.name: store for store in self.stores}
        chosen = list(dict.fromkeys(names))
        for name in chosen:
            if name not in known:
                raise InputError(
                    f"There is no store '{name}' in {where}; it has {', '.join(sorted(known))}. "
                    "Correct the name, or add the store with `lookalike stores add URL`."
                )
        return tuple(known[name] for name in chosen) if chosen else self.stores


def load_config(
    path: str | Path | None = None,
    data: str | Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
) -> Config:
    """Reads the settings, and resolves where the data is.

    :param data: the data root; else `LOOKALIKE_DATA`, else the file's, else `./data`.
    :param path: the file; None means `./lookalike.toml` where there is one.
    :param environ: the environment to look in; the process's own where None.
    :raises InputError: where the file is missing, malformed or holds something that is not a setting.
    """
    environ = os.environ if environ is None else environ
    file = find_config(path)
    settings = parse_config(_read(file), file) if file else _File()
    return Config(
        file=file,
        name=settings.name,
        data=_resolve_data(data, environ.get(DATA_VARIABLE), settings.data, file),
        cache=Path(cache).expanduser().absolute() if (cache := environ.get(CACHE_VARIABLE)) else None,
        stores=tuple(settings.stores),
        crawl=settings.crawl,
        embed=_resolve_weights(settings.embed, file),
        index=settings.index,
        recommend=_resolve_purchases(settings.recommend, file),
        schedule=settings.schedule,
        maintain=settings.maintain,
        logs=settings.logs,
        prefect=settings.prefect,
        alerts=settings.alerts,
        dashboard=settings.dashboard,
        scale=settings.scale,
        telemetry=settings.telemetry,
    )


def find_config(path: str | Path | None) -> Path | None:
    """The absolute path of the settings file, None where none was named and `./lookalike.toml` is not there.

    :raises InputError: where a file was named that does not exist.
    """
    file = Path(path or CONFIG_NAME)
    if file.is_file():
        return file.resolve()
    if path is None:
        return None
    raise InputError(f"There is no settings file {file}. Write one with `lookalike init --config {file}`.")


def parse_config(text: str, file: Path) -> _File:
    """The settings in a `lookalike.toml`'s text.

    :param file: the file of the text, for error messages.
    :raises InputError: one sentence that names the file, the place, what is wrong and what to do.
    """
    try:
        raw = tomllib.loads(text)
    except RecursionError:
        raise InputError(f"{file} is not valid TOML: its lists are too deep. Correct it.") from None
    except ValueError as error:  # tomllib's own error, or a number of too many digits
        raise InputError(f"{file} is not valid TOML: {_lower(str(error))}. Correct that line.") from None
    try:
        settings = _File.model_validate(_with_default_limits(raw))
    except ValidationError as error:
        raise InputError(_sentence(error, raw, file)) from None
    _refuse_duplicate_names(settings.stores, file)
    _refuse_short_history(settings, file)
    return settings


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{file} is not UTF-8 text. Save it as UTF-8.") from None
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}). Check its permissions.") from None


def _resolve_data(
    option: str | Path | None, variable: str | None, setting: str, file: Path | None
) -> Path | str:
    if option or variable:
        return _address(str(option or variable), Path.cwd())
    if setting and file:
        return _address(setting, file.parent)
    return _absolute(str(DATA_DIR), Path.cwd())


def _address(data: str, folder: Path) -> Path | str:
    if data.startswith("s3://"):
        return data
    if "://" in data:
        raise InputError(f"The data root {data} cannot be opened. Give a local folder or s3://bucket/prefix.")
    return _absolute(data, folder)


def _absolute(path: str, folder: Path) -> Path:
    try:
        return (folder / Path(path).expanduser()).resolve()
    except (ValueError, RuntimeError) as error:  # a null character, or the home of a user who is not there
        raise InputError(f"'{path}' is not a path ({_lower(str(error)).rstrip('.')}). Correct it.") from None


def _resolve_weights(embed: EmbedSettings, file: Path | None) -> EmbedSettings:
    """A weights *file* is relative to the settings file; `fashion` and the like are names."""
    if file is None or not ("/" in embed.weights or "\\" in embed.weights or Path(embed.weights).suffix):
        return embed
    return embed.model_copy(update={"weights": str(_absolute(embed.weights, file.parent))})


def _resolve_purchases(recommend: RecommendSettings, file: Path | None) -> RecommendSettings:
    if file is None or not recommend.purchases:
        return recommend
    return recommend.model_copy(update={"purchases": str(_absolute(recommend.purchases, file.parent))})


def _with_default_limits(raw: dict[str, Any]) -> dict[str, Any]:
    """The file's content with `[crawl.limits]` under every store's own limits."""
    crawl, stores = raw.get("crawl"), raw.get("stores")
    defaults = crawl.get("limits") if isinstance(crawl, dict) else None
    if not isinstance(defaults, dict) or not isinstance(stores, list):
        return raw
    filled = [
        {**store, "limits": {**defaults, **store.get("limits", {})}}
        if isinstance(store, dict) and isinstance(store.get("limits", {}), dict)
        else store
        for store in stores
    ]
    return {**raw, "stores": filled}


def _refuse_duplicate_names(stores: Iterable[Store], file: Path) -> None:
    names: set[str] = set()
    for store in stores:
        if store.name in names:
            raise InputError(
                f"{file} has two stores named '{store.name}'. Give each [[stores]] entry a name of its own."
            )
        names.add(store.name)


def _refuse_short_history(settings: _File, file: Path) -> None:
    kept, nights = settings.maintain.crawls_days, settings.crawl.dead_nights
    if kept < nights:
        raise InputError(
            f"{file}: `maintain.crawls_days` is {kept}, but `crawl.dead_nights` is {nights}: the records "
            f"of so many nights would be deleted before a store is called dead. "
            f"Keep crawls for {nights} days."
        )


def _sentence(error: ValidationError, raw: dict[str, Any], file: Path) -> str:
    first = error.errors(include_url=False)[0]
    loc = first["loc"]
    place = _place(loc, raw)
    match first["type"]:
        case "extra_forbidden":
            key, section = str(loc[-1]), _place(loc[:-1], raw)
            near = difflib.get_close_matches(key, _keys_at(loc[:-1]), n=1)
            hint = f"Did you mean `{near[0]}`?" if near else "Remove it."
            return f"{file} has an unknown key `{key}` {f'in {section}' if section else 'at its top'}. {hint}"
        case "missing":
            return f"{file} lacks `{loc[-1]}` in {_place(loc[:-1], raw)}. Add it."
        case "value_error":
            reason = str(first["ctx"]["error"])
        case "model_type" | "model_attributes_type" | "dict_type":
            reason = "it should be a section of settings"
        case "string_pattern_mismatch" if loc[-1] == "name":
            reason = "a name holds lower-case letters, digits, dots and hyphens"
        case _:
            reason = first["msg"].replace("Input should be", "it should be")
    if {"headers", "proxy", "database", "alerts", "otlp"} & set(loc) or (
        loc[:1] == ("stores",) and len(loc) == 2
    ):
        # What stands there may be a secret, or a whole store.
        return f"{file}: {place} is not usable: {_lower(reason)}. Correct it."
    # A user name and password in an address are secrets, too.
    return f"{file}: {place} is {hide_userinfo(repr(first['input']))}, but {_lower(reason)}. Correct it."


def _place(loc: tuple[int | str, ...], raw: dict[str, Any]) -> str:
    """`crawl.limits.pages`, or `url of store 'shop.example'`: where in the file a value stands."""
    if not loc:
        return ""
    if loc[0] != "stores" or len(loc) < 2 or not isinstance(loc[1], int):
        return f"`{'.'.join(map(str, loc))}`"
    entry = raw["stores"][loc[1]]
    name = entry.get("name") if isinstance(entry, dict) else None
    store = f"store '{name}'" if isinstance(name, str) else f"the [[stores]] entry number {loc[1] + 1}"
    return f"`{'.'.join(map(str, loc[2:]))}` of {store}" if len(loc) > 2 else store


def _keys_at(loc: tuple[int | str, ...]) -> list[str]:
    """The keys that are allowed at a place of the file."""
    model: Any = _File
    for step in loc:
        if isinstance(step, int):
            continue
        field = model.model_fields.get(step) if hasattr(model, "model_fields") else None
        model = Store if step == "stores" else _model_in(field.annotation if field else None)
    return list(model.model_fields) if hasattr(model, "model_fields") else []


def _model_in(annotation: Any) -> Any:
    """The model of `Model | None`."""
    return next((part for part in get_args(annotation) if hasattr(part, "model_fields")), annotation)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".")
