#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# connects.pl KIND COUNT HOST PORT TAG - connections by Perl's own ways: inet or ip
# (IO::Socket::INET or ::IP, one after the other), timeout (the same with a time
# limit), alarm (signals cut it short), or select (all at once)
#
# Prints how often each result came: "ok" is a page, else the errno's name. TAG is
# in the request, for the server's log.
use strict;
use warnings;
use Errno;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::IP;
use Socket qw(:all);
use Time::HiRes qw(setitimer ITIMER_REAL);

my ($kind, $count, $host, $port, $tag) = @ARGV;
my $page = "hello from the world\n";
my $patience_s = 20;

sub errno_name {
	my ($error) = @_;
	local $! = $error;
	for my $name (keys %!) {
		return $name if $!{$name} && $name ne 'EWOULDBLOCK';
	}
	return "errno $error";
}

sub result_of {
	my ($text) = @_;
	return $text =~ /\Q$page\E\z/ ? 'ok' : 'cut';
}

sub converse {
	my ($socket) = @_;
	local $/;
	print $socket "GET /?$tag HTTP/1.0\r\n\r\n";
	return result_of(scalar <$socket>);
}

sub by_class {
	my ($class, @more) = @_;
	my $socket = $class->new(PeerAddr => $host, PeerPort => $port,
				 Proto => 'tcp', @more);
	return $socket ? converse($socket) : errno_name($! + 0);
}

# Perl's handlers lack SA_RESTART: the connect is cut short, and goes on by itself.
sub by_alarm {
	local $SIG{ALRM} = sub { };
	setitimer(ITIMER_REAL, 0.001, 0.002);
	my $socket = begin(1);
	my $end = time + $patience_s;
	if (ref $socket) {
		1 until IO::Select->new($socket)->can_write(1) || time > $end;
	}
	setitimer(ITIMER_REAL, 0);
	return ref $socket ? finish($socket) // converse($socket) : $socket;
}

# What has become of its connect: undef, or the errno's name.
sub finish {
	my ($socket) = @_;
	my $error = unpack 'i', getsockopt($socket, SOL_SOCKET, SO_ERROR);
	return $error ? errno_name($error) : undef;
}

# One that is begun: a socket, or the name of an errno.
sub begin {
	my ($blocking) = @_;
	my ($error, @found) = getaddrinfo($host, $port,
					  { socktype => SOCK_STREAM });
	return "$error" if $error;
	my $socket = IO::Socket->new;
	socket($socket, $found[0]{family}, SOCK_STREAM, 0) or
		return errno_name($! + 0);
	$socket->blocking(0) unless $blocking;
	return $socket if connect($socket, $found[0]{addr}) ||
		$!{EINPROGRESS} || $!{EINTR};
	return errno_name($! + 0);
}

sub by_select {
	my $writers = IO::Select->new;
	my $readers = IO::Select->new;
	my (%text, @results);
	for (1 .. $count) {
		my $socket = begin();
		if (ref $socket) {
			$writers->add($socket);
		} else {
			push @results, $socket;
		}
	}
	my $end = time + $patience_s;
	while (($writers->count || $readers->count) && time < $end) {
		my ($in, $out) = IO::Select->select($readers, $writers, undef, 1);
		for my $socket (@{ $out // [] }) {
			$writers->remove($socket);
			if (my $error = finish($socket)) {
				push @results, $error;
				next;
			}
			syswrite $socket, "GET /slow?$tag HTTP/1.0\r\n\r\n";
			$readers->add($socket);
		}
		for my $socket (@{ $in // [] }) {
			next if sysread $socket, $text{$socket}, 4096,
				length($text{$socket} // '');
			$readers->remove($socket);
			push @results, result_of($text{$socket} // '');
		}
	}
	push @results, ('late') x ($writers->count + $readers->count);
	return @results;
}

my %ways = (
	inet => sub { by_class('IO::Socket::INET') },
	ip => sub { by_class('IO::Socket::IP') },
	timeout => sub { by_class('IO::Socket::INET', Timeout => 10) },
	'ip-timeout' => sub { by_class('IO::Socket::IP', Timeout => 10) },
	alarm => \&by_alarm,
);
my %tally;
$tally{$_}++ for $kind eq 'select' ? by_select() :
	map { $ways{$kind}->() } 1 .. $count;
print "$tally{$_} $_\n" for sort keys %tally;
