# Makes one report of those that the shards wrote.

[ -n "$IN_REPORTS" ] || fail "mode: merge needs reports, the JSON reports of the shards"
files=() # macOS has bash 3.2, without mapfile
while read -r glob || [ -n "$glob" ]; do
	if [ -n "$glob" ]; then
		found=0
		while read -r file; do
			files+=("$file")
			found=1
		done < <(compgen -G "$glob" || true)
		((found)) || fail "reports: no file fits '$glob'"
	fi
done <<<"$IN_REPORTS"
json=$state/trial.json
rm -f "$json"
args=("--report=$json")
add_lines --report "$IN_REPORT"
try "$mailrig" trial merge "${args[@]}" -- "${files[@]}"
report_trial "$status"
exit "$status"
