"""Numbered errors: what happened, what was kept, what to do next.

`ERRORS` is the one table; docs/errors.md lists every row and a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One row of the error table: a title, what to do, and whether a retry may help."""

    title: str
    remedy: str
    temporary: bool = False


ERRORS: dict[str, ErrorRow] = {
    # E11xx: the bytes of a scene
    "E1101": ErrorRow("file truncated or unreadable", "fetch the file again; the scene stays owed", True),
    "E1102": ErrorRow("sha256 differs from the recorded one", "restore the file or fetch it again"),
    "E1103": ErrorRow("file empty or a stub", "fetch the file again; the scene stays owed", True),
    "E1104": ErrorRow("not the format it claims to be", "look at the file: often an error page saved as data", True),
    "E1105": ErrorRow("file does not decode", "report it to the provider; the scene is polled again"),
    # E12xx: what a scene says of itself
    "E1201": ErrorRow("wrong coordinate reference system", "reproject the data or choose the AOI it belongs to"),
    "E1202": ErrorRow("pixel grid does not fit the AOI", "check the geotransform; no pixel was used"),
    "E1203": ErrorRow("bands missing, unexpected or of the wrong type", "check the product type and the band list"),
    "E1204": ErrorRow("radiometric offset and processing baseline disagree", "check the product's baseline and offset"),
    "E1205": ErrorRow("products of one acquisition cannot be told apart", "ask the provider which one is valid"),
    "E1206": ErrorRow("grids, tracks or units mixed", "compare only scenes of one grid and one relative orbit"),
    "E1207": ErrorRow("answer to another question", "the scene stays owed; a proxy or cache may be at fault", True),
    "E1208": ErrorRow("no valid pixel in the AOI", "nothing to do: the night counts it as not observed"),
    "E1209": ErrorRow("acquisition time missing or impossible", "correct the product's metadata"),
    "E1210": ErrorRow("shift against the reference too large", "check the orthorectification of the product"),
    "E1211": ErrorRow("one scene id, different content", "remove one of the two; the older one was kept"),
    "E1212": ErrorRow("scene id is not usable", "give ids of letters, digits, dot, dash and underscore"),
    # E13xx: running
    "E1301": ErrorRow("a step failed unexpectedly", "read the night report, then run the night again", True),
    "E1302": ErrorRow("disk full or not writable", "free space on the volume of --home, then run again", True),
    "E1303": ErrorRow("abnormally many new places on one scene", "look at the scene: snow, flood or a sensor fault?"),
    "E1304": ErrorRow(
        "no new scenes for longer than the satellites need to come back",
        "ask the provider, look at its status page",
        True,
    ),
    # E14xx: overlays
    "E1401": ErrorRow("overlay unreadable", "give GeoJSON, GeoPackage, Shapefile, a zip of one of them, or CSV"),
    "E1402": ErrorRow("overlay empty", "check the file and its area; nothing was imported"),
    "E1403": ErrorRow(
        "overlay's coordinate system missing or not usable", "name it with --epsg or in the mapping file"
    ),
    "E1404": ErrorRow("overlay lacks a column", "name the column in a mapping file; see docs/overlays.md"),
    "E1405": ErrorRow("overlay's text encoding unknown", "save it as UTF-8 or name `encoding` in the mapping file"),
    "E1406": ErrorRow("overlay holds a value that is not usable", "correct the entry named in the message"),
    "E1407": ErrorRow("overlay version missing or damaged", "import it again; see `sat-monitor overlays list`"),
    "E1408": ErrorRow("mapping file refused", "correct what the message names; see docs/overlays.md"),
    "E1409": ErrorRow(
        "overlay's coordinates lie outside of its coordinate system", "check --epsg and the order of axes"
    ),
    # E15xx: areas of interest
    "E1501": ErrorRow("outline is empty", "draw an outline with an area"),
    "E1502": ErrorRow("outline crosses itself", "repair the ring so that no two edges cross"),
    "E1503": ErrorRow("outline too large", "split the area into several AOIs"),
    "E1504": ErrorRow("unknown AOI", "list the known ones with `sat-monitor aoi list`"),
    "E1505": ErrorRow("AOI exists with another outline or grid", "choose another id or import data of the same grid"),
    "E1506": ErrorRow("outline is not usable", "give one Polygon or MultiPolygon in lon/lat (EPSG:4326)"),
    # E16xx: profiles
    "E1601": ErrorRow("profile refused", "correct the settings named in the message"),
    "E1602": ErrorRow(
        "profile not approved",
        "a named person approves it: `sat-monitor profile approve FILE --by NAME --reason TEXT`; try it with `tune` first",
    ),
    "E1603": ErrorRow(
        "settings that change the scores cannot be replayed",
        "leave the settings named in the message as the nights had them, or run nights in a copy of the home",
    ),
    "E1604": ErrorRow(
        "stored scores are missing or of several profiles", "run a night for this area, then replay again", True
    ),
    "E1605": ErrorRow("verdicts or truth not usable", "correct the row or feature named in the message"),
    # E17xx: the store and its history
    "E1701": ErrorRow("another night holds the lease", "wait until it ends; nothing was changed", True),
    "E1702": ErrorRow("lease lost to a newer night", "nothing was committed by this one; run again", True),
    "E1703": ErrorRow("history chain broken", "stop, keep the file, restore a backup; see docs/auditor.md"),
    "E1704": ErrorRow("database damaged or of a newer version", "restore a backup or update sat_monitor"),
    "E1705": ErrorRow("database busy", "run again in a minute", True),
    # E18xx: tickets
    "E1801": ErrorRow("unknown ticket or site", "list them with `sat-monitor tickets list` or `sites list`"),
    "E1802": ErrorRow("page could not be typeset", "the ticket stays due; see the message of the typesetter", True),
    "E1810": ErrorRow("step not allowed in this state", "take one of the steps named in the message"),
    "E1811": ErrorRow(
        "somebody else changed the case meanwhile", "look at it again with `sat-monitor tickets show`, then decide anew"
    ),
    "E1812": ErrorRow("step lacks what it needs", "give what the message names"),
    "E1813": ErrorRow("photo refused", "give the original JPEG, PNG, HEIC or TIFF of the camera"),
    "E1814": ErrorRow("kept file missing or damaged", "restore the folder blobs/ from a backup"),
    # E19xx: services that hand out scenes
    "E1901": ErrorRow("service asks to wait", "nothing: the next night asks again", True),
    "E1902": ErrorRow(
        "quota of the account used up", "wait for the next month, raise the quota or choose fewer areas", True
    ),
    "E1903": ErrorRow("service does not answer as it should", "nothing: the next night asks again", True),
    "E1904": ErrorRow("credentials refused", "check client id and secret; see docs/sources.md", True),
    "E1905": ErrorRow("answer took too long", "nothing: the next night asks again", True),
    "E1906": ErrorRow("connection broken or answer cut", "nothing: the next night asks again", True),
    "E1907": ErrorRow(
        "redirect to a place that is not on the list", "check the service's address; add the host if it is right", True
    ),
    "E1908": ErrorRow(
        "certificate or clock cannot be trusted", "check this machine's clock and the service's certificate", True
    ),
    "E1909": ErrorRow("catalogue does not add up", "nothing was taken from it; the next night asks again", True),
    "E1910": ErrorRow("service refuses the request", "read the message: a setting or this version may be at fault"),
    "E1911": ErrorRow(
        "credentials missing or readable by others", "set them as docs/sources.md says; chmod 600 the file"
    ),
    "E1912": ErrorRow("sources file refused", "correct the settings named in the message; see docs/sources.md"),
    # E20xx: the command line
    "E2001": ErrorRow("wrong use of the command", "see `sat-monitor COMMAND --help`"),
    "E2002": ErrorRow("file not found", "check the path"),
    "E2003": ErrorRow("table not in a known layout", "see docs/analyst.md for the columns of each layout"),
    "E2004": ErrorRow(
        "file does not hold what is needed", "correct the row or column named in the message; see docs/analyst.md"
    ),
    # E21xx: delivery
    "E2101": ErrorRow("delivery settings refused", "correct what the message names; see docs/delivery.md"),
    "E2102": ErrorRow(
        "receiver does not answer or does not let us in", "nothing: it is tried again, later each time", True
    ),
    "E2103": ErrorRow("receiver asks to come again", "nothing: it is tried again, later each time", True),
    "E2104": ErrorRow(
        "receiver refuses the message for good",
        "correct the address or the message's cause, then `sat-monitor outbox retry KEY`",
    ),
    "E2105": ErrorRow(
        "message given up after many tries", "see `sat-monitor outbox dead`, then `sat-monitor outbox retry KEY`"
    ),
    "E2106": ErrorRow("nobody takes these tickets", "add a sink for them to delivery.toml; they wait meanwhile"),
    "E2107": ErrorRow("nothing of this key is on its way", "see `sat-monitor outbox list`"),
    # E22xx: deformation
    "E2201": ErrorRow("no interferograms in a known layout", "see docs/deformation.md for the layouts"),
    "E2202": ErrorRow("days of a pair not readable", "name files by both days: YYYYMMDD-YYYYMMDD"),
    "E2203": ErrorRow("headers of interferograms missing", "put the producer's headers beside the pairs"),
    "E2204": ErrorRow("a pair is there twice", "remove one of the two; nothing was imported"),
    "E2205": ErrorRow("pairs do not lie on one frame", "resample all pairs to one grid; nothing was imported"),
    "E2206": ErrorRow("raster of a pair missing or unreadable", "fetch it again; nothing was imported"),
    "E2207": ErrorRow("no stack or no motion of this area", "import interferograms, then `deformation invert`"),
    "E2208": ErrorRow("reference area has no measurement", "choose another --reference"),
    "E2209": ErrorRow("no measurement at this place", "choose another point; no measurement does not mean stable"),
    "E2210": ErrorRow("list of pairs not usable", "see docs/deformation.md for the columns of pairs.csv"),
    # E23xx: networks
    "E2301": ErrorRow("weights of a network refused", "restore them from the release, or train again"),
    "E2302": ErrorRow("pair of pictures not usable", "give two rasters of one size and name their --bands"),
    "E2303": ErrorRow("training data missing", "give a folder of chips or pictures; see docs/network.md"),
}


class SatMonitorError(Exception):
    """An error with a number of `ERRORS`; `str()` says what happened, what was kept and what to do."""

    def __init__(self, code: str, what: str, kept: str = "") -> None:
        self.code = code
        self.what = what
        self.kept = kept
        super().__init__(self.message)

    @property
    def row(self) -> ErrorRow:
        """The table row of this error's number."""
        return ERRORS[self.code]

    @property
    def temporary(self) -> bool:
        """Whether trying again later may help."""
        return self.row.temporary

    @property
    def message(self) -> str:
        """One line: number, title, what happened, what was kept, what to do."""
        parts = [f"{self.code} {self.row.title}: {self.what}"]
        if self.kept:
            parts.append(f"Kept: {self.kept}")
        parts.append(f"Do: {self.row.remedy}")
        return ". ".join(parts)


class SceneReject(SatMonitorError):
    """A scene that must not be used; it is recorded with its number and never stops a night.

    `scene_id` names the scene at fault where the one who catches it may be busy with another.
    """

    def __init__(self, code: str, what: str, kept: str = "", scene_id: str = "") -> None:
        super().__init__(code, what, kept)
        self.scene_id = scene_id


class AoiError(SatMonitorError):
    """An outline that cannot become an AOI, or an AOI that does not exist."""


class ProfileError(SatMonitorError):
    """A profile that is refused."""


class OverlayError(SatMonitorError):
    """A layer that cannot be imported or asked."""


class StoreError(SatMonitorError):
    """The database, its lease or its history chain."""


class ServiceError(SatMonitorError):
    """A service that did not hand out what it was asked for."""


class TicketError(SatMonitorError):
    """A ticket or site that cannot be shown or rendered."""


class DeliveryError(SatMonitorError):
    """A message that could not be handed over, or settings that say where to."""


class DeformationError(SatMonitorError):
    """Interferograms that cannot be used, or motion that is not there."""


class NetworkError(SatMonitorError):
    """Weights, pairs or training data are not usable."""


class CaseError(SatMonitorError):
    """A step that people must not take, or not now."""


class UsageError(SatMonitorError):
    """A command that was used wrongly."""
