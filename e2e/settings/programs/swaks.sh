# Send with swaks.
set -- swaks --server "$HOST" --port "$PORT" --from "$SENDER" --to bob@example.test --ehlo client.example.test --timeout 5 --data "@$MESSAGE"
case $LOGIN in
none) ;;
'') set -- "$@" --auth PLAIN --auth-user "$ACCOUNT" --auth-password "$PASSWORD" ;;
*) set -- "$@" --auth "$LOGIN" --auth-user "$ACCOUNT" --auth-password "$PASSWORD" ;;
esac
case $MODE in starttls) set -- "$@" --tls ;; tls) set -- "$@" --tls-on-connect ;; esac
if [ "$MODE" != clear ] && [ "$TRUST" != any ]; then
	set -- "$@" --tls-verify
	[ "$TRUST" = ca ] && set -- "$@" --tls-ca-path "$CA"
fi
case $TLS in old) set -- "$@" --tls-protocol tlsv1_1 --tls-cipher 'DEFAULT:@SECLEVEL=0' ;; cipher) set -- "$@" --tls-protocol tlsv1_2 --tls-cipher AES128-SHA ;; esac
exec "$@"
