"""Bounds of a configuration and of the file that holds it."""

from ..units import NS_PER_MINUTE, NS_PER_MS, NS_PER_S

# Bounds of a configuration.
TARGETS_MAX = 200_000
"""Twice the 100,000 targets that are benchmarked: about 600 MB at 2.8 KB for each idle one."""
RULES_PER_TARGET_MAX = 16
"""Each rule is evaluated for every sample: five cost 8 microseconds, so this many stay below 30."""
FORMER_NAMES_MAX = 16
"""Each former name is looked up when a target begins; a target is renamed a few times in its life."""
CONDITIONS_PER_TARGET_MAX = 32
"""Each condition is evaluated for every answer, and all of them stand in one entry of the target."""
TOKENS_MAX = 256
"""Tokens of the web door: every request compares its token with each of them, 0.3 microseconds one."""
LOGIN_LINK_VALID_NS = 10 * NS_PER_MINUTE
"""A login link is opened by the person for whom it was printed, in the same minutes."""
LOGIN_LINKS_MAX = 64
"""Login links that wait to be used; one more takes the place of the oldest."""
TRUSTED_PROXIES_MAX = 64
"""Networks of proxies that are believed: each request looks through them."""
PUBLIC_PAGES_MAX = 32
"""Public pages of one runtime: one for each group of readers; each is made anew for its readers once a second at most."""
ANNOUNCEMENTS_MAX = 64
"""Announcements that stand at once, on all public pages together: a reader takes in a few."""
ANNOUNCEMENT_TITLE_MAX = 200
"""The title of an announcement: one line of a page."""
ANNOUNCEMENT_CHARACTERS_MAX = 4_000
"""The text of an announcement: a page of a book."""
CHANNELS_MAX = 256
"""Each channel has an actor and, where it calls a function, four threads: about 1,000 in all."""
ROUTES_MAX = 256
"""Each route is tried for each incident that opens: 256 with two matchers each take half a millisecond."""
RECEIVERS_PER_ROUTE_MAX = 16
"""Channels of one route or one step of it: a team has a few ways to be told."""
ESCALATIONS_PER_ROUTE_MAX = 16
"""Steps of one route: more steps than people who can be woken."""
LOCATIONS_MAX = 64
"""Locations of one runtime: each has agents of its own, and large providers of checks have some thirty."""
LOCATIONS_PER_TARGET_MAX = 16
"""Locations of one target: each attempt is made at all of them, and its page has a row for each."""
NATS_SERVERS_MAX = 16
"""Addresses of one cluster of NATS: three to five are usual."""
CREDENTIALS_CHARACTERS_MAX = 16 * 1024
"""The credentials of NATS: a signed token and a seed have some two thousand characters."""
GROUP_NAMES_MAX = 8
"""Names by which a route groups: each further one makes groups smaller."""
WINDOWS_MAX = 64
"""Windows of a configuration: nights, weekends and holidays of the places where people work."""
MAINTENANCES_MAX = 1_000
"""Maintenances of a configuration: each is held against each due notice while it is in force."""
DEPENDENCIES_PER_TARGET_MAX = 32
"""Targets on which one depends: each sample of one is held against those that wait for it."""
COMPOSITE_MEMBERS_MAX = 256
"""Members of one composite target: each of its samples goes through their newest ones."""
FLAPPING_OPENED_MAX = 100
"""Incidents of one rule that are counted before it flaps: their times are kept for each rule that opens some."""
CRON_CHARACTERS_MAX = 256
"""The text of a schedule: a list of all hours and of all days of a month fits."""
CALENDAR_YEARS_MAX = 50
"""How far ahead the next start of a window is looked for: the 29th of February on a Monday comes every 28 years."""
STARTS_COMPARED = 200
"""Starts of a schedule between which the shortest time is looked for: those of an hour repeat, and so do the hours of a day."""
GAPS_COMPARED = 4_000
"""Moments of a schedule between which the longest time is looked for: every minute of the days before a weekend."""
SCHEDULES_KEPT = 1_024
"""Schedules that are kept ready to be followed: many jobs have the same one."""
RUN_CHARACTERS_MAX = 64
"""The id of a run of a job: a UUID has 36."""
ZONE_CHARACTERS_MAX = 64
"""The name of a time zone: the longest that is known has half of it."""
MOMENT_CHARACTERS_MAX = 40
"""The text of a moment: with nine digits after the second, and an offset."""
NAME_CHARACTERS_MAX = 128
"""An id stands in every sample, notice and line about its target, and must leave room for the rest of the line."""
GROUP_CHARACTERS_MAX = 256
"""The path of a group: a few levels of the length of an id."""
LABELS_MAX = 32
"""Labels of one target: each incident and notice carries them, at most 12 KB with the lengths of their names and texts."""
LABEL_CHARACTERS_MAX = 256
"""The text of a label: a team, a region, a version; longer ones are descriptions."""
DESCRIPTION_CHARACTERS_MAX = 1_024
"""The description of a target: a paragraph, which each of its incidents carries."""
LINK_CHARACTERS_MAX = 2_048
"""A link that people follow: what browsers and chat programs take; a URL that is requested may be longer."""
EVERY_NS_MIN = 10 * NS_PER_MS
"""The shortest cadence, 100 checks a second of one target: ticks stay five times as far apart as most wake-ups are late (2 ms)."""
EVERY_NS_MAX = 366 * 86_400 * NS_PER_S
"""The longest cadence, which heartbeats of yearly jobs need: a leap year."""
RUN_NS_MIN = NS_PER_S
"""The shortest time that a run of a job may be given: its start and its end are two reports."""
TIMEOUT_NS_MIN = NS_PER_MS
"""The shortest timeout: the usual lateness of a wake-up, below which every answer would be late."""
TIMEOUT_NS_MAX = 3_600 * NS_PER_S
"""The longest timeout: an attempt that hangs keeps one of the places of IN_FLIGHT_MAX for so long."""
CONSECUTIVE_MAX = 1_000
"""The most samples in a row that a rule may ask for; the counts stop there, so that they do not grow in the checkpoint."""
COUNTED_SAMPLES_MAX = 100
"""The most samples among which a rule counts bad ones: the checkpoint has the time of each, 900 bytes, after each sample."""
SLO_SAMPLES_MIN = 10
"""The samples that a window of an objective must hold unless configured otherwise: with fewer, one is more than a tenth of it."""
SLO_BAD_MIN = 2
"""The bad samples that spend an error budget at least: one alone is a blip, whatever share of the samples it is."""
SLO_WINDOW_NS_MIN = 28 * 86_400 * NS_PER_S
"""The shortest time of an objective, four weeks: over less, the longest window, 3 days, allows less than an even pace."""
SLO_WINDOW_NS_MAX = 366 * 86_400 * NS_PER_S
"""The longest time of an objective, a leap year."""
WINDOW_SAMPLES_MAX = 100_000
"""The most samples of a window, as benchmarked: some 10 MB for a target, and 9 microseconds for five rules."""
WINDOW_BLOCK_VALUES_MAX = 1_024
"""A block of sorted values is split beyond it; moving half of one takes 0.1 microseconds."""
assert TIMEOUT_NS_MIN < EVERY_NS_MIN

# Durations as text.
DURATION_NS_MAX = 100 * 366 * 86_400 * NS_PER_S
"""The longest duration, 100 leap years: longer than any other bound, and a third of what 64 bits hold."""
DURATION_CHARACTERS_MAX = 64
"""The text of a duration: all eight units with six digits each fit."""
DURATIONS_KEPT = 1_024
"""Texts whose length is remembered: 100,000 targets repeat the same few a million times."""
assert DURATION_NS_MAX > EVERY_NS_MAX

# A configuration file.
CONFIGURATION_BYTES_MAX = 64 * 1024 * 1024
"""The size of all files together, and of the texts that reuse makes of them: 200,000 targets of 300 bytes fit."""
CONFIGURATION_NODES_MAX = 10_000_000
"""Values of a file, and of all that reuse makes of it, counted before it is made: 50 for each of 200,000 targets."""
CONFIGURATION_DEPTH_MAX = 32
"""Levels of a file: its own shape has fewer than ten, and the reader recurses once for each."""
CONFIGURATION_DIGITS_MAX = 100
"""Digits of a number: converting one takes time that grows with the square of its length."""
CONFIGURATION_WORDS_KEPT = 10_000
"""Plain words whose type is remembered while a file is read: files of many targets repeat them."""
INCLUDED_FILES_MAX = 1_000
"""Files of one configuration: the change of any of them is looked for twice a second."""
INCLUDE_LEVELS_MAX = 10
"""Levels of files that include files: each folder of a deep tree may have its own, and a reader follows ten."""
TEMPLATE_LEVELS_MAX = 10
"""Levels of templates that use templates."""
USES_MAX = 32
"""Templates that one target or template names."""
PROBLEMS_MAX = 1_000
"""Problems that are listed; how many more there are is said in one line."""
NAMES_SHOWN_MAX = 10
"""Names that one line of a log or a terminal lists; a stop in an outage may leave thousands of notices."""
PROBLEM_WORD_CHARACTERS_MAX = 60
"""A word that a problem quotes: a line of a terminal has room for it and for what is wrong with it."""
ENVIRONMENT_VALUE_CHARACTERS_MAX = 64 * 1024
"""The value of a variable that a file refers to: certificates and keys fit, and each reference copies it."""
SECRET_CHARACTERS_MIN = 6
"""The shortest secret that is masked in foreign text: a shorter one is part of many an innocent word and number."""
URL_CHARACTERS_MAX = 8_192
"""The text of a URL: common servers refuse longer request lines."""
KEEP_FIRING_NS_MAX = 366 * 86_400 * NS_PER_S
"""The longest clock of a rule (`for`, `keep_firing_for`, `after`, a window): as long as the longest cadence."""
GRACE_NS_MAX = 3_600 * NS_PER_S
"""The longest drain of a stop: no attempt and no notice takes longer than its timeout, which has the same bound."""
RETENTION_NS_MIN = 60 * NS_PER_S
"""The shortest retention: housekeeping runs once a minute, so less could not be kept to."""
RETENTION_NS_MAX = 100 * 365 * 86_400 * NS_PER_S
"""The longest retention: 100 years stand for ever."""
assert RETENTION_NS_MAX <= DURATION_NS_MAX
assert GRACE_NS_MAX >= TIMEOUT_NS_MIN
