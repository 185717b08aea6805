# Findings, as annotations: errors first. GitHub shows ten errors and ten warnings of a step; the summary has all.
include "github";

def told($severity): map(select(.severity == $severity)) | group_by([.id, .advice])[] |
	annotation($severity; .[0].title; "\(.[0].explanation) \(.[0].advice // "") (\(.[0].id) of session \(map(.sessions[]) | unique | map("#" + .) | join(", ")))");

told("error"), told("warning")
