# What failed in a trial, as annotations. What the baseline knows is left out.
include "github";

def reason: [.reasons[]?.text] | join("; ");

(.control.problem // empty | annotation("error"; "The control run failed"; .)),
(.results[] | select(.known | not) |
if .verdict == "fail" then annotation("error"; "\(.scenario): \(.title)"; reason)
elif .verdict == "could-not-run" and (.interrupted | not) then annotation("warning"; "\(.scenario) could not run"; reason)
else empty end)
