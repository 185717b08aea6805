# A trial, as a page: the score, the groups, and the failures by their reason. GitHub takes 1 MiB; a table has 200 rows at most.
include "github";

def count($verdict): map(select(.verdict == $verdict)) | length;
def of_all: if .shard then ", shard \(.shard.number) of \(.shard.of)" else "" end;

"## mailrig trial: \(.counts.pass) passed, \(.counts.fail) failed, \(.counts.not_exercised) not exercised, \(.counts.could_not_run) could not run",
"",
"\(.command | join(" ") | code) with mailrig \(.mailrig | cell), in \(.took / 1e9 | round) s\(of_all)\(if .interrupted then ". **The trial was interrupted.**" else "" end)",
"",
(if .control.problem then "**The control run failed:** \(.control.problem | cell)", "" else empty end),
"| group | passed | failed | not exercised | could not run |", "|---|---|---|---|---|",
(.results | group_by(.group)[] | "| \(.[0].group // "" | if . == "" then "files" else . end | cell) | \(count("pass")) | \(count("fail")) | \(count("not-exercised")) | \(count("could-not-run")) |"),
"",
([.results[] | select(.verdict == "fail" or (.verdict == "could-not-run" and (.interrupted | not)))] |
	if length == 0 then empty else
		"| scenario | what happens | what the client did |", "|---|---|---|",
		(.[:200][] | "| \(.scenario | code)\(if .known then " (known)" else "" end) | \(.title | cell) | \([.reasons[]? | .text] | join("; ") | cell) |"),
		(if length > 200 then "", "\(length - 200) more are in the report." else empty end), ""
	end)
