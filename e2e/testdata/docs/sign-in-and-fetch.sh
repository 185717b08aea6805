#!/bin/sh
# Gets a token from the rig's issuer, and looks into the mailbox with it.
set -e
token=$(curl --silent --show-error --fail --max-time 10 "$MAILRIG_HTTP/oauth2/token" -d grant_type=client_credentials -d client_id=app -d client_secret=secret |
  sed 's/.*"access_token":"\([^"]*\)".*/\1/')
curl --silent --show-error --max-time 10 "imaps://$MAILRIG_HOST:$MAILRIG_PORT_993/INBOX" --user "$MAILRIG_USER:" --oauth2-bearer "$token"
