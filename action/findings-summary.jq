# Findings, as a table.
include "github";

def rank: {error: 0, warning: 1, info: 2}[.severity] // 3;

map(select(.severity != "good")) | group_by([rank, .id, .advice]) |
"## mailrig: what the clients did\n",
if length == 0 then "Nothing is wrong." else
	"| | what | advice | sessions |", "|---|---|---|---|",
	(.[] | "| \(.[0].severity) | **\(.[0].title | cell)** \(.[0].explanation | cell) | \(.[0].advice // "" | cell) | \(map(.sessions[]) | unique | map("#" + .) | .[:10] | join(" ")) |")
end, ""
