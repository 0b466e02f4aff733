"""Bounds of calls, programs and the network."""

from ..units import NS_PER_MS, NS_PER_S
from .answers import BODY_BYTES, BODY_BYTES_MAX, HEADER_BYTES_MAX, MEASUREMENTS_MAX
from .configuration import TARGETS_MAX
from .record import COMMAND_PASSED_NS, OTHER_SHARDS_READ_NS, SUPERVISOR_MAILBOX_MAX
from .running import ANSWER_WITHIN_NS, IN_FLIGHT_MAX

# The host's callables and commands.
CALL_THREADS_MAX = 16
"""Checked functions that block at the same time: they share one interpreter lock, and a thread costs some 100 KB."""
CALL_QUEUE_MAX = 1_024
"""Calls that wait for a thread; beyond it a call is UNKNOWN at once, as most of those before it will be at their deadline."""
ABANDONED_CALLS_MAX = 16
"""Calls that run on after their deadline: each keeps its thread, and as many as there are useful ones may be lost."""
ABANDONED_CALLS_PER_NAME_MAX = 1
"""The same for one function: a second call waits for the first to return, so that one that hangs takes one thread."""
CHANNEL_THREADS_MAX = 4
"""Deliveries of a `call` channel at the same time: as many as its `in_flight_max` unless configured otherwise."""
COMMAND_START_THREADS_MAX = 4
"""Programs that are being started at the same time: starting one blocks for milliseconds, on the system's side mostly."""
COMMANDS_MAX = 256
"""Programs that run at the same time: each has up to three descriptors here, and a process in the system."""
COMMANDS_KEPT_MAX = 10_000
"""Reports of the host that wait while a runtime restarts; one more is refused with an error."""
COMMAND_ERROR_BYTES_MAX = 4 * 1024
"""Standard error of a program: its first lines explain a failure; the rest is read, counted and dropped."""
READ_BYTES_MAX = 64 * 1024
"""One read of a program's output: what a pipe of Linux holds."""
READS_AFTER_EXIT_MAX = 64
"""Reads after a program has ended: a child in another session may hold the pipe and write for ever; 4 MiB, as the largest output."""
LEFTOVER_ROUNDS_MAX = 5
"""Searches for processes that a program left in other sessions: each finds what was forked during the one before."""
LEFTOVERS_SEARCHED_MAX = 2_048
"""Process numbers that are looked at one by one; where more were given since the program began, all processes are."""
CALLED_IN_TESTS_S = 10.0
"""Real time of an async function in virtual time: one that awaits something of the test's own event loop would never end."""
SERIES_VALUES_MAX = 200_000
"""Values of one series of a rule test: 69 days of a check every 30 seconds; `1x999999999` is refused before anything is built."""
SERIES_CHARACTERS_MAX = 64 * 1024
"""The text of one series or script of a rule test: values that are alike are written as `1x100`."""
RULE_TESTS_MAX = 1_000
"""Tests of one file: each of its problems and results is a line."""
RULE_TEST_EVENTS_MAX = 100_000
"""Acts and expectations of one rule test, and series and scripts of one: far more than a person reads."""
RULE_TEST_NS_MAX = 366 * 86_400 * NS_PER_S
"""Virtual time of one rule test: a day of one target takes about two seconds of real time."""
CLOSE_NS = 2 * NS_PER_S
"""The wait at a stop for threads and killed programs; beyond it they are left and named."""
SETTLED_NS = 2 * NS_PER_S
"""The time for a command to become durable, and for a check to end, before its request is answered without that."""
SERVED_AGAIN_NS = NS_PER_S
"""After how long a door is served again that the machine lacked a descriptor for; asyncio waits as long before it accepts again."""
PERFORMANCE_LABEL_CHARACTERS_MAX = 128
"""The name of a figure: longer than plugins print."""
assert ABANDONED_CALLS_PER_NAME_MAX <= ABANDONED_CALLS_MAX
assert OTHER_SHARDS_READ_NS + COMMAND_PASSED_NS + SETTLED_NS <= ANSWER_WITHIN_NS
assert COMMANDS_KEPT_MAX <= SUPERVISOR_MAILBOX_MAX
assert BODY_BYTES_MAX <= READ_BYTES_MAX * READS_AFTER_EXIT_MAX

# The network: bounds of what is kept between requests, and of one request.
READ_PLAIN_BYTES = 16 * 1024
"""One read of a socket: a whole record of TLS, and most answers."""
HANDLES_IDLE_MAX = 2_048
"""Prepared handles of libcurl that are kept idle: as many as attempts run at once by default."""
SHELVES_MAX = 8_192
"""Shapes of requests whose idle handles are found again; targets with the same headers and options share one."""
PLANS_MAX = TARGETS_MAX
"""Prepared requests: one for each target, as every target comes again."""
CONNECTIONS_KEPT_MAX = 4_096
"""Connections that libcurl keeps open for targets with `connection: reuse`: each is a descriptor."""
CONNECTION_USES_MAX = 10
"""Requests of a kept connection before a fresh one: each tenth check sees DNS, the listener and the certificate anew."""
EVENTS_PER_BATCH_MAX = 512
"""Ready sockets taken from the system at once; the rest is taken on the loop's next round."""
DNS_FRESH_NS = 30 * NS_PER_S
"""How long a resolved name is used: at the usual cadence of 30 s a changed record is seen by the next check or the one after."""
DNS_ENTRIES_MAX = 10_000
"""Names that a resolver keeps; beyond it the least recently used is asked again."""
NEXT_ADDRESS_NS = 250 * NS_PER_MS
"""The head start of one address before the next is tried beside it: the delay that RFC 8305 recommends."""
RESOLVER_QUEUE_MAX = 4_096
"""Names that are looked up at the same time; every attempt in flight may wait for one."""
NAME_TRY_NS = 500 * NS_PER_MS
"""The wait for the first answer of a name server before it is asked again: c-ares shortens it after quick answers, and doubles it each time."""
NAME_TRIES = 5
"""Questions to each name server before a name is given up: at a doubled wait each time, 8 s after quick answers and 13 s at first."""
NAME_PUTS_MAX = 3
"""Times that one question is put anew to a name service that lives again: a slow one, which seems to, is not flooded."""
NAME_LOOK_NS = 100 * NS_PER_MS
"""How often questions without an answer are looked at: what is overdue is repeated that much later at most."""
NAME_SILENT_NS = 300 * NS_PER_MS
"""The silence of a name service after which it is asked whether it lives: longer than a usual answer, shorter than a usual timeout."""
NAME_HEARD_NS = 2 * NS_PER_S
"""The age of an answer that shows that a name service lives, for attempts whose own timeout is shorter."""
NAMES_REFUSED = 3
"""Names for which a name service failed, with no real answer between, before the fault is looked for in the service itself."""
COMPRESSED_PARTS_MAX = 16
"""Parts of one compressed body: a server sends one or a few, and each further one copies the rest of the body."""
WIRE_BYTES_SLACK = 512 * 1024
"""Bytes of headers, framing and TLS that an answer may bring beside twice its body: ends a flood that no parser counts."""
WIRE_EVENTS_BEFORE_LOOKING = 3
"""Events of a socket before its bytes are counted, which takes two system calls each time: a usual answer is over by then."""
CERTIFICATES_KEPT = 1_024
"""Certificates that are read once, by their bytes: the same come with every handshake, and reading one takes 30 microseconds."""
TLS_CONTEXTS_KEPT = 64
"""Contexts of rustls, one for each file of authorities and its state: each holds all authorities of its file."""
HANDSHAKE_DOUBTS_MAX = 11
"""Doublings of the time for which libcurl does a target's handshakes after rustls failed: 2 ** 11 times half a minute, 17 hours."""
ANSWER_PAUSE_NS = 100 * NS_PER_MS
"""A TCP answer of which no text is expected ends with a pause of this length, longer than between the packets of one answer."""
TCP_TEXT_CHARACTERS_MAX = 16 * 1024
"""The texts that a tcp probe sends and expects: in UTF-8 they fit in a body."""
DIALOGUE_STEPS_MAX = 32
"""Steps of one dialogue of a tcp probe: a login with a few questions has ten."""
GREETING_BYTES_MAX = 16 * 1024
"""One line or one reply of a server before TLS or a login: those of mail servers have a few hundred bytes."""
RECORD_PATTERNS_MAX = 16
"""Regular expressions on the records of one part of a DNS answer, for each way to judge them."""
RECORDS_MAX = 256
"""Records of one DNS answer: reading more would hold the loop up, as their names may be compressed a hundredfold."""
NAME_CHARACTERS_ASKED_MAX = 253
"""The longest name in DNS (RFC 1035, 2.3.4), without its last dot."""
DATAGRAM_BYTES_MAX = 65_535
"""The largest datagram, and the largest message of DNS over a connection."""
DATAGRAMS_READ_MAX = 64
"""Datagrams that are read from a socket before the loop turns to others: a flood of them holds nothing up."""
NAME_SOCKETS_KEPT = 64
"""Sockets of DNS probes that stay open between questions, one for each name server."""
NAME_SOCKET_USES_MAX = 100
"""Questions by one socket of DNS probes: the next one has another port, and finds another route."""
ECHOES_MAX = 20
"""Echo requests of one attempt: two seconds of them."""
ECHO_PAUSE_NS = 100 * NS_PER_MS
"""The time between the echo requests of one attempt."""
ECHO_TOKEN_BYTES = 8
"""The bytes of an echo request by which its answer is known."""
ECHO_BYTES_MAX = 65_507
"""The largest payload of an echo request: a datagram of IP without both headers."""
ECHO_BUFFER_BYTES = 1024 * 1024
"""The answers of thousands of hosts wait in one socket."""
ECHO_WAIT_PERCENT = 90
"""The share of the time of an attempt after which answers that are missing are lost, where others have come."""
FINGERPRINTS_MAX = 16
"""Host keys of one server that are good: one of each type, and the next ones while they are changed."""
COMMAND_WORDS_MAX = 64
"""The words of one command of a store: a check asks for a figure, and writes nothing long."""
HTTP_STEPS_MAX = 20
"""Requests of one `http_steps` probe: a login, an order and a logout have ten, and each has a figure of its own."""
CAPTURES_MAX = 16
"""Values that one step of it captures."""
CAPTURED_MAX = HTTP_STEPS_MAX * CAPTURES_MAX
"""Values that all steps of one attempt capture."""
CAPTURE_CHARACTERS_MAX = 8_192
"""A captured value: tokens that are signed have up to four thousand characters, and a URL may hold as many as this."""
STEPS_PERCENT = 90
"""The share of the time after which a step is cut off that others follow which are carried out always: they need the rest."""
REGISTRY_EVERY_NS_MIN = 3_600 * NS_PER_S
"""How often the registry of a domain is asked at most: a registration changes once a year, and registries refuse clients that ask often."""
REGISTRY_BYTES_MAX = 256 * 1024
"""The answer of a registry about one domain: with all contacts and notices it has some ten KiB."""
REGISTRY_PARTS_MAX = 64
"""Events, states, name servers and contacts of one domain that are read."""
REGISTRY_WAIT_NS = 3_600 * NS_PER_S
"""How long a registry is left alone that refuses a question and does not say for how long."""
REGISTRY_WAIT_NS_MAX = 86_400 * NS_PER_S
"""How long it is left alone at most, whatever it says: a day without an answer is told as missing samples."""
REGISTRY_WAITS_KEPT = 256
"""Registries that are left alone at the same time: there are some hundred operators of servers."""
REGISTRIES_FRESH_NS = 86_400 * NS_PER_S
"""How long the list of registries is used: it changes a few times a week."""
REGISTRIES_AGAIN_NS = 60 * NS_PER_S
"""How soon the list is asked for again that could not be read."""
REGISTRIES_READ_NS = 30 * NS_PER_S
"""The time for reading the list of registries, however many attempts wait."""
REGISTRIES_BYTES_MAX = 1024 * 1024
"""The list of registries: it has about a tenth of that, with 1,500 top level domains."""
SUBPROTOCOLS_MAX = 16
"""Subprotocols that one handshake of a WebSocket offers: a few versions of one."""
HEADERS_READ_MAX = 128
"""Headers of the answer to a handshake: servers send twenty, and each is read by itself."""
FRAMES_MAX = 1_000
"""Frames of a WebSocket or of HTTP/2 that one attempt reads: each costs up to 14 microseconds, however little it holds."""
FRAMES_READ_BYTES = 1024
"""The bytes of frames that are read before the loop turns to others: 500 empty frames fit, which take 7 ms."""
MESSAGES_BYTES_MAX = 1024 * 1024
"""The messages of a WebSocket that one attempt passes over before the expected one."""
SETTINGS_MAX = 64
"""Settings of one target of a package's kind of probe, and entries of one that is a list."""
SETTING_CHARACTERS_MAX = 64 * 1024
"""The text of one setting: a certificate or a query fits."""
PLUGIN_CHECK_NS = 10 * NS_PER_S
"""The wait for a package to be imported and to judge the settings of all its targets: importing a large one takes three seconds."""
PLUGIN_IMPORTS_MAX = 4
"""Packages of kinds that are imported at the same time: Python imports one after the other, and some wait for a disk."""
PLUGIN_LOOK_PERCENT = 90
"""The share of the time of an attempt after which the event loop of its kind must have turned: one that stands still then is held."""
GRPC_NAME_CHARACTERS_MAX = 256
"""The name of a service of gRPC: a package and a name, of the length of a few words each."""
ROWS_MAX = 1_000
"""Rows of one query that are read: conditions judge the first ones, and a check asks for a figure or a few."""
COLUMNS_MAX = 1_600
"""Columns of one row: as many as PostgreSQL allows for a table."""
LOGIN_ROUNDS_MAX = 40_000
"""Rounds of a key derivation that a server may ask a login for, in 0.05 s: PostgreSQL has 4,096 unless it is told otherwise."""
LOGIN_MESSAGES_MAX = 10
"""Messages of a database by which one login is made: a challenge has three."""
ANSWER_BYTES_MAX = 1024 * 1024
"""Bytes of a database that one attempt reads: the names of as many columns as there may be, and a body of rows."""
NOTICES_MAX = 100
"""Messages of a database that say nothing about the attempt and are passed over, between two that do."""
MESSAGES_MAX = 10_000
"""Messages of one topic that are passed over before the expected one: a busy topic brings some thousand in a few seconds."""
TOPIC_CHARACTERS_MAX = 1_024
"""The name of a topic of a message broker: brokers of the large clouds allow 256."""
CLIENT_ID_CHARACTERS_MAX = 256
"""The name by which a message broker knows this client: brokers must take 23, and some take more."""
LOCATION_EXPLANATION_MAX = 200
"""The words of one location about one attempt: sixteen of them stand in one sample, and cross a wide network."""
PROXY_EXCEPTIONS_MAX = 64
"""Hosts that are reached without the proxy of a target: each is looked at for every request."""
PROXIED_HOSTS_KEPT = 4_096
"""Hosts of which it is remembered whether they are exceptions of a proxy."""
NAME_SERVERS_KEPT = 64
"""Name servers chosen by targets whose answers are kept: each has sockets and names of its own."""
DIGEST_ROUNDS_MAX = 3
"""Answers of one request to challenges of digest authentication: a first one, and one whose nonce has grown old."""
TOKEN_SCOPES_MAX = 64
"""Scopes of one token: a client has a few."""
TOKENS_KEPT = 1_024
"""Tokens that are kept, one for each way to ask for one."""
TOKEN_BYTES_MAX = 64 * 1024
"""The answer with a token: a signed one has a few KiB, and longer ones fit in no header."""
TOKEN_CHARACTERS_MAX = 16 * 1024
"""A token that is sent in a header: servers read 8 to 16 KiB of them."""
TOKEN_KEPT_NS = 86_400 * NS_PER_S
"""How long a token is used at most, whatever its server says."""
TOKEN_UNSTATED_NS = 300 * NS_PER_S
"""How long a token is used whose end its server does not say."""
TOKEN_MARGIN_NS = 30 * NS_PER_S
"""How long before its end a token is used no longer: longer than a check takes. Of a short life it is a tenth."""
TOKEN_REQUEST_NS = 60 * NS_PER_S
"""The end of one request for a token, whatever the deadlines of the attempts that wait for it."""
TOKEN_SHARE_PERCENT = 50
"""The share of the time that an attempt has left for which it waits for a token; the rest is the target's."""
assert RESOLVER_QUEUE_MAX >= IN_FLIGHT_MAX
assert HTTP_STEPS_MAX <= MEASUREMENTS_MAX
assert REGISTRIES_BYTES_MAX <= BODY_BYTES_MAX
assert TOKEN_CHARACTERS_MAX < TOKEN_BYTES_MAX
assert TOKEN_UNSTATED_NS < TOKEN_KEPT_NS
assert NAME_LOOK_NS < NAME_SILENT_NS < NAME_TRY_NS < NAME_HEARD_NS
assert 4 * TCP_TEXT_CHARACTERS_MAX <= BODY_BYTES  # UTF-8 takes up to four bytes a character
assert WIRE_BYTES_SLACK > HEADER_BYTES_MAX
