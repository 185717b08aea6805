<?php
// Send with Symfony's mailer, which begins TLS whenever the server offers STARTTLS.
require '/usr/share/php/Symfony/Component/Mailer/autoload.php';
$e = getenv();
$t = new Symfony\Component\Mailer\Transport\Smtp\EsmtpTransport($e['HOST'], (int) $e['PORT'], $e['MODE'] === 'tls');
$t->setLocalDomain('client.example.test');
if ($e['LOGIN'] !== 'none') $t->setUsername($e['ACCOUNT'])->setPassword($e['PASSWORD']);
$options = ['any' => ['verify_peer' => false, 'verify_peer_name' => false, 'allow_self_signed' => true], 'ca' => ['cafile' => $e['CA']], 'none' => []][$e['TRUST']];
$t->getStream()->setTimeout(5)->setStreamOptions(['ssl' => $options]);
$m = (new Symfony\Component\Mime\Email())->from($e['SENDER'])->to('bob@example.test')->subject('hello')->text('hello');
try {
	$t->send($m);
	echo "ok\n";
} catch (Exception $x) {
	echo $x->getMessage(), "\n";
	exit(1);
}
