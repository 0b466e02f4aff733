// One event stream for all tabs of a browser: over HTTP/1.1 a browser opens six connections to a site, and no more.
const ports = new Set();
let source = null;

function open() {
  source = new EventSource(new URL("../../api/v1/events", location));
  for (const kind of ["status", "incident", "notice", "silence", "announcement", "self", "beat", "reset"])
    source.addEventListener(kind, (event) => ports.forEach((port) => port.postMessage([kind, event.data])));
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(() => ports.size && open(), 10_000);
  };
}

onconnect = ({ ports: [port] }) => {
  ports.add(port);
  port.onmessage = () => {
    ports.delete(port);
    if (!ports.size) source.close();
  };
  if (!source || source.readyState === EventSource.CLOSED) open();
  else port.postMessage(["beat", "{}"]);
};
