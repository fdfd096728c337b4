"""The templates in force: versions in PostgreSQL, the product's own among them.

A version is never changed. An organiser chooses the one in force; choosing the previous one is a
rollback. The product's texts are added as versions when a worker starts; new ones replace older ones of
the product in force, never a version that an organiser chose.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any, Final

import asyncpg
import msgspec
import structlog
from msgspec import Struct

from engine.base.actor import Actor
from engine.base.config import Settings
from engine.base.errors import Conflict, InvalidInput, NotFound, Remedy, Unavailable
from engine.notifications.model import (
    EVERY_LANGUAGE,
    LAYOUT,
    Letter,
    MailKind,
    TemplateInForce,
    TemplateVersion,
    Texts,
    Written,
)
from engine.notifications.rendering import (
    Template,
    TemplateBroken,
    product_template,
    product_texts,
)
from engine.notifications.rendering_pool import Piece, PieceBroken, Renderers, TooCostly
from engine.notifications.samples import sample_letters
from engine.stores.postgres import Postgres, Transaction

log = structlog.get_logger(__name__)

_PRODUCT = "product"
#: Limit of processor time for one mail, a hundred times the usual; and for testing a template.
_MAIL_CPU_S: Final = 0.5
_TRY_CPU_S: Final = 2.0
#: The same for a layout, which is tested with every template.
_TRY_MORE_CPU_S: Final = 0.2
_WAITING_MIN: Final = 8


class OrganiserTemplate(Struct, frozen=True):
    """A template, or a layout around it, is an organiser's: it must not be rendered in this process."""

    texts: Texts
    layout: Texts


class TemplateVersions:
    def __init__(self, postgres: Postgres, settings: Settings) -> None:
        self._pg = postgres
        self._site = settings.public_url.rstrip("/")
        self._renderers = Renderers(waiting_max=max(_WAITING_MIN, settings.mail_concurrency))
        #: Compiled templates by kind and language, with the versions they were made of.
        self._loaded: dict[
            tuple[str, str], tuple[tuple[int, int], Template | OrganiserTemplate]
        ] = {}

    async def close(self) -> None:
        await self._renderers.close()

    # Writing

    async def in_force(self) -> dict[tuple[str, str], int]:
        """The version in force, by kind and language. Raises Unavailable."""
        rows = await self._pg.fetch("notifications.templates_in_force")
        return {(row["kind"], row["language"]): row["version"] for row in rows}

    async def template(
        self, in_force: dict[tuple[str, str], int], kind: MailKind, languages: Sequence[str]
    ) -> tuple[Template | OrganiserTemplate, str]:
        """The template of a kind in the first of ``languages`` that has one, and that language.

        The product's own replaces one that cannot be used: no mail is lost because of it.
        """
        for language in languages:
            version = in_force.get((kind.value, language))
            if version is not None:
                return await self._load(in_force, kind, language, version), language
        # Before the first worker has added the product's texts.
        language = next((x for x in languages if (kind.value, x) in product_texts()), "en")
        return product_template(kind, language), language

    async def _load(
        self, in_force: dict[tuple[str, str], int], kind: MailKind, language: str, version: int
    ) -> Template | OrganiserTemplate:
        layout_version = in_force.get((LAYOUT, EVERY_LANGUAGE), 0)
        known = self._loaded.get((kind.value, language))
        if known is not None and known[0] == (version, layout_version):
            return known[1]
        texts, is_ours = await self._texts(kind.value, language, version)
        layout, is_our_layout = await self._texts(LAYOUT, EVERY_LANGUAGE, layout_version)
        template: Template | OrganiserTemplate = OrganiserTemplate(texts, layout)
        if is_ours and is_our_layout:
            try:
                template = await asyncio.to_thread(Template, texts, layout)
            except TemplateBroken as error:
                _warn(kind, language, error)
                template = product_template(kind, language)
        self._loaded[kind.value, language] = ((version, layout_version), template)
        return template

    async def write(
        self,
        template: Template | OrganiserTemplate,
        kind: MailKind,
        language: str,
        facts: dict[str, Any],
    ) -> Written:
        """Render one mail; with the product's own template if ``template`` cannot be rendered with these facts."""
        try:
            if isinstance(template, Template):
                return await asyncio.to_thread(template.write, facts)
            piece = Piece(template.texts, [facts])
            return await self._renderers.render(template.layout, [piece], cpu_s=_MAIL_CPU_S)
        except TooCostly as error:
            self._set_aside(template, kind, language)
            log.warning(
                "mail template stopped, set aside", kind=kind, language=language, reason=str(error)
            )
        except TemplateBroken as error:
            # It passed with sample facts but fails with real ones.
            _warn(kind, language, error)
        except Unavailable as error:
            log.warning("mail template not rendered", kind=kind, reason=error.detail)
        return await asyncio.to_thread(product_template(kind, language).write, facts)

    def _set_aside(
        self, template: Template | OrganiserTemplate, kind: MailKind, language: str
    ) -> None:
        """Use the product's template until another version is in force: each further mail would cost as much."""
        known = self._loaded.get((kind.value, language))
        if known is not None and known[1] is template:
            self._loaded[kind.value, language] = (known[0], product_template(kind, language))

    async def _texts(self, kind: str, language: str, version: int) -> tuple[Texts, bool]:
        """The texts of a version, and whether they are the product's."""
        if version == 0:
            return product_texts()[kind, language], True
        found = await self._version(kind, language, version)
        return _texts(found), found.source == _PRODUCT

    # The organiser's side

    async def templates(self) -> list[TemplateInForce]:
        """Every kind and language with a template, and the version in force."""
        rows = await self._pg.fetch("notifications.templates_in_force")
        return [TemplateInForce(**dict(row)) for row in rows]

    async def versions(self, kind: str, language: str) -> list[TemplateVersion]:
        """All versions of a template, the newest first. Raises NotFound."""
        check_name(kind, language)
        rows = await self._pg.fetch("notifications.template_versions", kind, language)
        if not rows:
            raise _unknown(kind, language)
        return [TemplateVersion(**dict(row)) for row in rows]

    async def version(self, kind: str, language: str, version: int) -> TemplateVersion:
        """One version. Raises NotFound."""
        check_name(kind, language)
        if not 0 < version < 2**31:
            raise _unknown(kind, language, version)
        return await self._version(kind, language, version)

    async def _version(self, kind: str, language: str, version: int) -> TemplateVersion:
        row = await self._pg.fetchrow("notifications.template", kind, language, version)
        if row is None:
            raise _unknown(kind, language, version)
        return TemplateVersion(**dict(row))

    async def preview(self, kind: str, language: str, texts: Texts) -> tuple[Written, Letter]:
        """Render ``texts`` with sample facts. A layout is shown around a booking mail.

        Raises InvalidInput for texts that cannot be used, saying where, Unavailable.
        """
        return await self._try(kind, language, texts)

    async def add(
        self, kind: str, language: str, texts: Texts, *, note: str, activate: bool, actor: Actor
    ) -> TemplateVersion:
        """Keep ``texts`` as the next version, and put it in force if asked to.

        Raises InvalidInput for texts that cannot be used, saying where, Unavailable.
        """
        await self._try(kind, language, texts)
        async with self._pg.transaction() as transaction:
            row = await _add(transaction, kind, language, texts, source="organiser", note=note)
            assert row is not None
            if activate:
                await transaction.fetch(
                    "notifications.choose_template", kind, language, row["version"], actor.label
                )
        return TemplateVersion(
            kind=kind,
            language=language,
            version=row["version"],
            source="organiser",
            subject=texts.subject,
            html=texts.html,
            text=texts.text,
            note=note,
            created_at=row["created_at"],
        )

    async def activate(
        self, kind: str, language: str, version: int, *, actor: Actor
    ) -> TemplateInForce:
        """Put a version in force. Raises NotFound, InvalidInput when it can no longer be used."""
        check_name(kind, language)
        found = await self._version(kind, language, version)
        await self._try(kind, language, _texts(found))
        async with self._pg.transaction() as transaction:
            await transaction.fetch("notifications.lock_template", kind, language)
            await transaction.fetch(
                "notifications.choose_template", kind, language, version, actor.label
            )
        return await self._in_force(kind, language)

    async def roll_back(self, kind: str, language: str, *, actor: Actor) -> TemplateInForce:
        """Put the version in force that was before the present one. Raises NotFound, Conflict."""
        check_name(kind, language)
        async with self._pg.transaction() as transaction:
            await transaction.fetch("notifications.lock_template", kind, language)
            choices = await transaction.fetch("notifications.choices", kind, language)
            if not choices:
                raise _unknown(kind, language)
            version = _version_before([row["version"] for row in choices])
            if version is None:
                raise Conflict(
                    "There is no version before this one; activate one by its number.",
                    code="nothing-to-roll-back",
                )
            await transaction.fetch(
                "notifications.choose_template", kind, language, version, actor.label
            )
        return await self._in_force(kind, language)

    async def _in_force(self, kind: str, language: str) -> TemplateInForce:
        found = [x for x in await self.templates() if (x.kind, x.language) == (kind, language)]
        return found[0]

    async def _try(self, kind: str, language: str, texts: Texts) -> tuple[Written, Letter]:
        """Render every sample with these texts; returns the first mail. Raises InvalidInput, Unavailable."""
        check_name(kind, language)
        in_force = await self.in_force()
        if kind == LAYOUT:
            layout, tried = texts, await self._every_template(in_force)
        else:
            version = in_force.get((LAYOUT, EVERY_LANGUAGE), 0)
            layout, _ = await self._texts(LAYOUT, EVERY_LANGUAGE, version)
            tried = {(kind, language): texts}
        letters = await asyncio.to_thread(
            lambda: [sample_letters(MailKind(k), spoken, self._site) for k, spoken in tried]
        )
        pieces = [
            Piece(around, [letter.facts for letter in samples])
            for around, samples in zip(tried.values(), letters, strict=True)
        ]
        cpu_s = _TRY_CPU_S + _TRY_MORE_CPU_S * (len(pieces) - 1)
        try:
            written = await self._renderers.render(layout, pieces, cpu_s=cpu_s)
        except PieceBroken as error:
            raise _refused(*list(tried)[error.piece], error) from None
        except TooCostly as error:
            raise InvalidInput(
                f"The template was stopped: {error}. Make it do less; see docs/notifications.md.",
                code="template-too-costly",
            ) from None
        return written, letters[0][0]

    async def _every_template(
        self, in_force: dict[tuple[str, str], int]
    ) -> dict[tuple[str, str], Texts]:
        """All templates inside the layout, the product's where none is in force; a booking mail first."""
        versions = {**dict.fromkeys(product_texts(), 0), **in_force}
        names = sorted(
            (name for name in versions if name[0] != LAYOUT),
            key=lambda name: (name[0] != MailKind.BOOKING_CONFIRMED, name[1] != "en", name),
        )
        return {name: (await self._texts(*name, versions[name]))[0] for name in names}

    # The product's own texts

    async def bring_in_product_texts(self) -> int:
        """Add the product's texts as versions; idempotent. Returns how many are new."""
        made = 0
        for (kind, language), texts in product_texts().items():
            async with self._pg.transaction() as transaction:
                row = await _add(transaction, kind, language, texts, source=_PRODUCT, note="")
                if row is None:
                    continue
                made += 1
                choices = await transaction.fetch("notifications.choices", kind, language)
                if not choices or choices[0]["actor"] == _PRODUCT:
                    await transaction.fetch(
                        "notifications.choose_template", kind, language, row["version"], _PRODUCT
                    )
        return made


def check_name(kind: str, language: str) -> None:
    """Raises NotFound for an unknown kind, or a language that the kind does not have."""
    if kind == LAYOUT:
        if language != EVERY_LANGUAGE:
            raise NotFound(
                f"The layout serves every language; its own is {EVERY_LANGUAGE!r}.",
                code="template-not-found",
            )
        return
    if kind not in {k.value for k in MailKind} or not _is_language(language):
        raise _unknown(kind, language)


def _is_language(text: str) -> bool:
    base, hyphen, region = text.partition("-")
    return (len(base) == 2 and base.isascii() and base.isalpha() and base.islower()) and (
        not hyphen
        or (len(region) == 2 and region.isascii() and region.isalpha() and region.isupper())
    )


def _unknown(kind: str, language: str, version: int | None = None) -> NotFound:
    which = f"version {version} of " if version is not None else ""
    return NotFound(
        f"There is no {which}template {kind}/{language}; see the list of templates.",
        code="template-not-found",
        remedy=Remedy.LIST_TEMPLATES,
    )


def _texts(version: TemplateVersion) -> Texts:
    return Texts(subject=version.subject, html=version.html, text=version.text)


def _version_before(chosen: Sequence[int]) -> int | None:
    """The version in force before ``chosen[0]``, when rollbacks have themselves made choices.

    Repeated rollbacks go back through the versions, not to and fro between two.
    """
    present = chosen[0]
    # The choice that first put the present version in force; rollbacks to it are skipped.
    first = max(place for place, version in enumerate(chosen) if version == present)
    return chosen[first + 1] if first + 1 < len(chosen) else None


def _refused(kind: str, language: str, error: TemplateBroken) -> InvalidInput:
    place: dict[str, Any] = {"key": error.place, "message": error.problem, "source": "body"}
    if error.line:
        place["line"] = error.line
    return InvalidInput(
        f"The template cannot be used for {kind}/{language}: {error}.",
        code="template-broken",
        errors=[place],
    )


def _warn(kind: str, language: str, error: TemplateBroken) -> None:
    # Not the message: it may quote the facts.
    log.warning(
        "mail template broken", kind=kind, language=language, place=error.place, line=error.line
    )


async def _add(
    transaction: Transaction, kind: str, language: str, texts: Texts, *, source: str, note: str
) -> asyncpg.Record | None:
    await transaction.fetch("notifications.lock_template", kind, language)
    return await transaction.fetchrow(
        "notifications.add_template",
        kind,
        language,
        source,
        texts.subject,
        texts.html,
        texts.text,
        hashlib.sha256(msgspec.json.encode(texts)).digest(),
        note,
    )
