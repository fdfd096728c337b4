"""The gateway's Prometheus metrics. No label has a value that a client chooses."""

from prometheus_client import Counter, Gauge, Histogram

from seatmap.protocol import CLOSE_CODES, Encoding

_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_PROPAGATION = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5)

CONNECTIONS = Gauge("frontrow_live_connections", "Open watchers.", ["subprotocol"])
AUTHENTICATED = Gauge("frontrow_live_authenticated", "Watchers whose person is known.")
WATCHED_EVENTS = Gauge("frontrow_live_watched_events", "Events with a copy in this process.")
FEED_CONNECTED = Gauge("frontrow_live_feed_connected", "1 while Redis has the feed subscribed.")
FRAMES = Counter("frontrow_live_frames", "Frames written to watchers.", ["kind"])
SENT_BYTES = Counter("frontrow_live_sent_bytes", "Bytes written to watchers.")
BROADCAST_SECONDS = Histogram(
    "frontrow_live_broadcast_seconds", "Time to write one tick to all watchers.", buckets=_FAST
)
PROPAGATION_SECONDS = Histogram(
    "frontrow_live_propagation_seconds",
    "From the oldest change of a tick to the end of its broadcast.",
    buckets=_PROPAGATION,
)
BUFFERED_BYTES = Gauge(
    "frontrow_live_buffered_bytes",
    "Bytes that wait in this process for slow watchers, at the last sweep.",
)
BEHIND = Gauge(
    "frontrow_live_behind",
    "Watchers with too many unsent bytes to get deltas, at the last sweep.",
)
CONFLATIONS = Counter(
    "frontrow_live_conflations", "Snapshots sent to slow watchers in place of missed deltas."
)
RESYNCS = Counter("frontrow_live_resyncs", "Snapshots read from the stores, by reason.", ["reason"])
RESUMES = Counter("frontrow_live_resumes", "Connections that asked to resume.", ["outcome"])
CLOSES = Counter("frontrow_live_closes", "Connections the gateway closed.", ["code"])
TICKETS = Counter("frontrow_live_tickets", "Tickets that clients showed.", ["outcome"])
PERSONAL = Counter(
    "frontrow_live_personal_messages",
    "Messages for one person's connection; `cut`: it was too slow and was closed instead.",
    ["outcome"],
)
DRAINED = Counter("frontrow_live_drained", "Watchers disconnected because the gateway shut down.")

for _encoding in Encoding:
    CONNECTIONS.labels(_encoding.value)
for _code in CLOSE_CODES:
    CLOSES.labels(str(_code))
for _outcome in ("known", "unknown"):
    TICKETS.labels(_outcome)
for _outcome in ("delivered", "cut"):
    PERSONAL.labels(_outcome)
for _kind in ("snapshot", "delta", "message"):
    FRAMES.labels(_kind)
for _outcome in ("resumed", "snapshot"):
    RESUMES.labels(_outcome)
