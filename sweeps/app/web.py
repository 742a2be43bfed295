"""What the page asks of its server. No path that comes from outside is ever opened: photos, searches and pictures are
looked up by what the server itself has named."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from mimetypes import guess_type
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from inversion.errors import ConfigError
from sweeps.app.found import look
from sweeps.app.gate import MAX_JSON, Answer, Endpoint, Inbox, OwnOrigin, WithHeaders, answered, changing
from sweeps.app.result import PASTED, before, best, choices, in_photo, overshoots
from sweeps.app.searches import Search, Searches
from sweeps.app.uploads import MAX_BYTES, Upload, Uploads
from sweeps.app.wish import Wish

# The page's own, the report's as well.
FOLDERS = (
    Path(__file__).parent / "assets",
    Path(__file__).parents[1] / "assets",
)
ASSETS = {file.name: file for folder in FOLDERS for file in sorted(folder.iterdir())}


class Page:
    """Photos, searches and the settings that every search has."""

    def __init__(
        self,
        uploads: Uploads,
        searches: Searches,
        settings: Sequence[str],
        resolution: int,
        link: Callable[[Search], str],
    ) -> None:
        """settings: of the command line, before what the page says. resolution: of the generator, px.

        link: the address of a search's run in MLflow; it may take its time. Raises ConfigError without one.
        """
        self.uploads = uploads
        self.searches = searches
        self.settings = settings
        self.resolution = resolution
        self.link = link
        self.inbox = Inbox()

    def application(self) -> ASGIApp:
        routes = [Route("/", asset("page.html"))]
        routes += [Route(f"/{name}", asset(name)) for name in ASSETS]
        routes += [
            Route("/photos", changing(self.add_photo), methods=["POST"]),
            Route("/photos/{photo}/damage", answered(self.damage)),
            Route("/photos/{photo}/mask", changing(self.set_mask), methods=["POST", "DELETE"]),
            Route("/photos/{photo}/{name}", answered(self.photo_picture)),
            Route("/searches", changing(self.begin), methods=["POST"]),
            Route("/searches/{search}", answered(self.state)),
            Route("/searches/{search}/stop", changing(self.stop), methods=["POST"]),
            Route("/searches/{search}/frame", answered(self.frame)),
            Route("/searches/{search}/before", answered(self.before)),
            Route("/searches/{search}/photo/{name}", answered(self.whole_photo)),
            Route("/searches/{search}/mlflow", answered(self.in_mlflow)),
            Route("/searches/{search}/{name}", answered(self.result_picture)),
        ]
        hosts = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
        return Starlette(routes=routes, middleware=[hosts, Middleware(WithHeaders), Middleware(OwnOrigin)])

    async def add_photo(self, request: Request) -> Response:
        name = unquote(request.headers.get("x-name", "photo"))
        async with self.inbox.body(request, MAX_BYTES) as content:
            upload = await run_in_threadpool(self.uploads.add, name, content, self.searches.needed)
        return Answer(
            {
                "id": upload.id,
                "name": upload.path.name,
                "faces": len(upload.areas),
                "aligned": upload.is_aligned,
                "sides": upload.sides,
            }
        )

    async def photo_picture(self, request: Request) -> Response:
        upload, name = self._upload(request), request.path_params["name"]
        faces = range(len(upload.areas))
        shown = {"preview.jpg", *(f"{kind}_{k}.jpg" for kind in ("face", "area") for k in faces)}
        found = {f"hidden_{k}.png" for k in faces}
        if name not in shown | found or (name in found and not (upload.folder / name).exists()):
            raise ConfigError("There is no such picture of this photo.")
        return await picture(upload.folder / name)

    async def damage(self, request: Request) -> Response:
        """What has happened to the photo."""
        with self.uploads.hold(request.path_params["photo"]) as upload:
            return Answer(await run_in_threadpool(look, upload))

    async def set_mask(self, request: Request) -> Response:
        """?face=0: painted over that face's area, over all where it is the number of faces; without: a file."""
        with self.uploads.hold(request.path_params["photo"]) as upload:
            if request.method == "DELETE":
                self.uploads.clear_mask(upload)
                return Answer({})
            face = request.query_params.get("face")
            if face not in (None, *map(str, range(len(upload.areas) + 1))):
                raise ConfigError(f"This photo has {len(upload.areas)} faces. Got face {face}.")
            async with self.inbox.body(request, MAX_BYTES) as content:
                if face is None:
                    await run_in_threadpool(self.uploads.give_mask, upload, content)
                else:
                    await run_in_threadpool(self.uploads.paint, upload, int(face), content)
        return Answer({})

    async def begin(self, request: Request) -> Response:
        async with self.inbox.body(request, MAX_JSON) as content:
            try:
                said = json.loads(content)
            except (ValueError, RecursionError):  # [[[[…
                said = None
        if not isinstance(said, dict):
            raise ConfigError("A restoration is asked for by an object.")
        wish = Wish.of(said)
        with self.uploads.hold(said.get("photo")) as upload:
            words, steps = await run_in_threadpool(wish.words, upload, self.settings, self.resolution)
            return Answer({"id": self.searches.add(upload, words, steps, wish.face is None).id})

    async def state(self, request: Request) -> Response:
        return Answer(await run_in_threadpool(self._state, self._search(request)))

    def _state(self, search: Search) -> dict[str, Any]:
        frames = [] if search.is_over else search.frames()
        return {
            "state": search.state,
            "reason": search.reason,
            "before": search.was_done_before,
            "ahead": self.searches.ahead(search),
            "queue": len(self.searches),
            "step": search.step(),
            "steps": search.steps,
            "frames": len(frames),
            "choices": choices(search),
            "best": best(search),
            "overshoots": search.is_over and overshoots(search),
            "has_photo": not search.upload.is_aligned,
            "is_whole": search.is_whole,
            "folder": str(search.folder),
            "tracked": bool(search.run()),
        }

    async def stop(self, request: Request) -> Response:
        self.searches.stop(self._search(request))
        return Answer({})

    async def frame(self, request: Request) -> Response:
        """The latest picture of a face that forms."""
        frames = self._search(request).frames()
        if not frames:
            raise ConfigError("Nothing is drawn yet.")
        return await picture(frames[-1])

    async def result_picture(self, request: Request) -> Response:
        search, name = self._search(request), request.path_params["name"]
        if name not in search.files():
            raise ConfigError("This restoration has no such picture.")
        return await picture(search.folder / name, name if "download" in request.query_params else "")

    async def whole_photo(self, request: Request) -> Response:
        """The photo with one of the choices in its place."""
        search, name = self._search(request), request.path_params["name"]
        path = await run_in_threadpool(in_photo, search, name, self.uploads)
        return await picture(path, PASTED if "download" in request.query_params else "")

    async def before(self, request: Request) -> Response:
        """The photo's face, framed like the result."""
        return await picture(await run_in_threadpool(before, self._search(request), self.uploads))

    async def in_mlflow(self, request: Request) -> Response:
        return RedirectResponse(await run_in_threadpool(self.link, self._search(request)), 303)

    def _upload(self, request: Request) -> Upload:
        return self.uploads.get(request.path_params["photo"])

    def _search(self, request: Request) -> Search:
        return self.searches.get(request.path_params["search"])


def asset(name: str) -> Endpoint:
    async def page(_: Request) -> Response:
        return FileResponse(ASSETS[name])

    return page


async def picture(path: Path, download_as: str = "") -> Response:
    """A picture's content, all of it: its file may go while it is sent. Raises ConfigError."""
    try:
        content = await run_in_threadpool(path.read_bytes)
    except FileNotFoundError as error:
        raise ConfigError(f"{path.name} is not here any more.") from error
    headers = {"Content-Disposition": f"attachment; filename={quote(download_as)}"} if download_as else {}
    return Response(content, headers=headers, media_type=guess_type(path.name)[0])
