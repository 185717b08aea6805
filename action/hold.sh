#!/usr/bin/env bash
# hold.sh DIR is the command that "mailrig run" runs while the job goes on. It keeps the variables that the rig has for a
# command, and stays until the rig is stopped. The files with CAs are copied: they must outlive the rig, since nothing
# can unset a variable of the steps that follow.
set -euo pipefail
dir=$1
cp "$MAILRIG_CA_FILE" "$dir/ca.pem"
{
	for name in ${!MAILRIG_@}; do
		case $name in
		MAILRIG_CA_FILE) echo "$name=$dir/ca.pem" ;;
		MAILRIG_HOST | MAILRIG_HTTP | MAILRIG_HTTPS | MAILRIG_USER | MAILRIG_PASSWORD | MAILRIG_SCENARIO | MAILRIG_PORT_[0-9]*) echo "$name=${!name}" ;;
		esac
	done
	for name in SSL_CERT_FILE CURL_CA_BUNDLE REQUESTS_CA_BUNDLE GIT_SSL_CAINFO NODE_EXTRA_CA_CERTS; do
		file=${!name-}
		if [ "$file" = "$MAILRIG_CA_FILE" ]; then
			echo "$name=$dir/ca.pem"
		elif [ -n "$file" ] && grep -qxFf <(sed -n 2p "$MAILRIG_CA_FILE") "$file"; then
			cp "$file" "$dir/with-system-cas.pem"
			echo "$name=$dir/with-system-cas.pem"
		fi
	done
} >"$dir/variables.new"
mv "$dir/variables.new" "$dir/variables"
exec sleep 4000000 # longer than a job may last
