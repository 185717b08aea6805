# Log in and send, or look, with Perl's libraries: Net::SMTP, Net::POP3, Mail::IMAPClient.
use strict;
use warnings;
my %e = %ENV;
my @tls = $e{MODE} eq 'clear' ? () : (SSL_verify_mode => $e{TRUST} eq 'any' ? 0 : 1, $e{TRUST} eq 'ca' ? (SSL_ca_file => $e{CA}) : (),
	$e{TRUST} eq 'any' ? (SSL_verifycn_scheme => 'none') : (),
	$e{TLS} eq 'old' ? (SSL_version => 'TLSv1_1', SSL_cipher_list => 'DEFAULT@SECLEVEL=0') : (),
	$e{TLS} eq 'cipher' ? (SSL_version => 'TLSv1_2', SSL_cipher_list => 'AES128-SHA') : ());
sub fail { print "$_[0]\n"; exit 1 }
my $message = do { local $/; open my $f, '<', $e{MESSAGE} or die; <$f> };

if ($e{PROTOCOL} eq 'smtp') {
	require Net::SMTP;
	my $s = Net::SMTP->new($e{HOST}, Port => $e{PORT}, Hello => 'client.example.test', Timeout => 5, $e{MODE} eq 'tls' ? (SSL => 1, @tls) : ()) or fail("connect: $@");
	if ($e{MODE} eq 'starttls') { $s->starttls(@tls) or fail("starttls: $@ " . $s->message) }
	if ($e{LOGIN} ne 'none') {
		require Authen::SASL;
		my $sasl = $e{LOGIN} ? Authen::SASL->new(mechanism => $e{LOGIN}, callback => { user => $e{ACCOUNT}, pass => $e{PASSWORD}, authname => $e{ACCOUNT} }) : undef;
		($sasl ? $s->auth($sasl) : $s->auth($e{ACCOUNT}, $e{PASSWORD})) or fail('auth: ' . $s->message);
	}
	$s->mail($e{SENDER}) && $s->to('bob@example.test') && $s->data($message) or fail('send: ' . $s->message);
	$s->quit;
} elsif ($e{PROTOCOL} eq 'pop3') {
	require Net::POP3;
	my $p = Net::POP3->new($e{HOST}, Port => $e{PORT}, Timeout => 5, $e{MODE} eq 'tls' ? (SSL => 1, @tls) : ()) or fail("connect: $@");
	if ($e{MODE} eq 'starttls') { $p->starttls(@tls) or fail("stls: $@ " . $p->message) }
	my $n = $e{LOGIN} eq 'APOP' ? $p->apop($e{ACCOUNT}, $e{PASSWORD}) : $p->login($e{ACCOUNT}, $e{PASSWORD});
	defined $n or fail('login: ' . $p->message);
	$p->quit;
} else {
	require Mail::IMAPClient;
	my $m = Mail::IMAPClient->new(Server => $e{HOST}, Port => $e{PORT}, Timeout => 5, $e{MODE} eq 'tls' ? (Ssl => [@tls]) : ()) or fail("connect: $@");
	if ($e{MODE} eq 'starttls') { $m->Starttls([@tls]) && $m->starttls or fail('starttls: ' . $m->LastError) }
	$m->User($e{ACCOUNT}); $m->Password($e{PASSWORD});
	$m->Authmechanism($e{LOGIN}) if $e{LOGIN};
	$m->login or fail('login: ' . $m->LastError);
	$m->select('INBOX') or fail('select');
	$m->logout;
}
print "ok\n";
