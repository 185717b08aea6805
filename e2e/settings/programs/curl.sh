# Send, or look, with curl.
set -- curl -sS --max-time 5
case $LOGIN in
none) ;;
'') set -- "$@" --user "$ACCOUNT:$PASSWORD" ;;
XOAUTH2 | OAUTHBEARER) set -- "$@" --user "$ACCOUNT:" --oauth2-bearer "$PASSWORD" --login-options "AUTH=$LOGIN" ;;
APOP) set -- "$@" --user "$ACCOUNT:$PASSWORD" --login-options "AUTH=+APOP" ;;
*) set -- "$@" --user "$ACCOUNT:$PASSWORD" --login-options "AUTH=$LOGIN" ;;
esac
case $TRUST in ca) set -- "$@" --cacert "$CA" ;; any) set -- "$@" --insecure ;; esac
case $TLS in
old) set -- "$@" --tlsv1.0 --tls-max 1.1 --ciphers 'DEFAULT@SECLEVEL=0' ;;
cipher) set -- "$@" --tls-max 1.2 --ciphers AES128-SHA ;;
esac
case $MODE in tls) url=${PROTOCOL}s ;; starttls) url=$PROTOCOL; set -- "$@" --ssl-reqd ;; *) url=$PROTOCOL ;; esac
case $HOST in *:*) host="[$HOST]" ;; *) host=$HOST ;; esac
url=$url://$host:$PORT
if [ "$PROTOCOL" = smtp ]; then
	exec "$@" "$url/client.example.test" --mail-from "$SENDER" --mail-rcpt bob@example.test --crlf --upload-file "$MESSAGE"
fi
exec "$@" "$url/"
