# What the scripts of the action share.

# Where the action keeps what its later steps need. GitHub empties RUNNER_TEMP after the job.
state=$RUNNER_TEMP/mailrig

# escape makes a text the message of a workflow command.
escape() {
	local text=$1
	text=${text//'%'/%25}
	text=${text//$'\r'/%0D}
	printf '%s' "${text//$'\n'/%0A}"
}

warn() { echo "::warning title=mailrig::$(escape "$1")"; }

fail() {
	echo "::error title=mailrig::$(escape "$1")"
	exit 1
}

# input_name turns PORT_OFFSET into port-offset.
input_name() { tr A-Z_ a-z- <<<"$1"; }

# output sets an output of the step.
output() { printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"; }

# add_each FLAG INPUT adds a flag for each word of an input to the array args. Words are separated by spaces and lines.
add_each() {
	local word words
	read -r -d '' -a words <<<"$2" || true
	for word in ${words[@]+"${words[@]}"}; do
		args+=("$1=$word")
	done
}

# add_lines FLAG INPUT adds a flag for each line of an input, without the blanks around it. An empty flag adds the line itself.
add_lines() {
	local line
	while read -r line || [ -n "$line" ]; do
		if [ -n "$line" ]; then
			args+=("${1:+$1=}$line")
		fi
	done <<<"$2"
}

# rig_flags adds what start and trial have in common to the array args.
rig_flags() {
	add_each --scenario "$IN_SCENARIO"
	add_each --user "$IN_USER"
	add_each --auth "$IN_AUTH"
	add_lines "" "$IN_ARGS"
	if [ "$IN_TRUST" = false ]; then
		args+=(--no-trust)
	fi
}

# try COMMAND... runs a command, puts its status into the variable status, and keeps in a file what it says on standard error.
# It isn't "2> >(tee)": bash makes that tee a child of the command, and mailrig ends what it has for children.
try() {
	set +e
	{
		"$@" 2>&1 >&3 | tee "$state/stderr" >&2
		status=${PIPESTATUS[0]}
	} 3>&1
	set -e
}

# report_trial STATUS writes the summary and the annotations of the trial whose JSON report is in $json, and the outputs.
report_trial() {
	output status "$1"
	if [ ! -s "$json" ]; then
		fail "mailrig wrote no report and ended with status $1: $(tail -n 1 "$state/stderr")"
	fi
	output json "$json"
	jq -r -L "$here" -f "$here/trial-summary.jq" "$json" >>"$GITHUB_STEP_SUMMARY"
	jq -r -L "$here" -f "$here/trial-annotations.jq" "$json"
}
