#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// connects.js KIND COUNT HOST PORT TAG - COUNT connections at once by node's own
// ways: net, http, https or fetch
//
// Prints how often each result came: "ok" is a page whose connection knows HOST's
// address if that is one, else the error's code. TAG is in the request, for the
// server's log.
'use strict';
const http = require('http');
const https = require('https');
const net = require('net');

const [kind, count, host, port, tag] = process.argv.slice(2);
const PAGE = 'hello from the world\n';
const PATIENCE_MS = 20000;

function judge(socket, text) {
	if (!text.endsWith(PAGE))
		return 'another page';
	if (net.isIP(host) && socket.remoteAddress !== host)
		return 'remoteAddress ' + socket.remoteAddress;
	return 'ok';
}

function byNet(done) {
	const socket = net.connect({ host, port: Number(port) });
	let text = '', verdict;
	socket.setEncoding('utf8').setTimeout(PATIENCE_MS, () =>
		socket.destroy(Object.assign(new Error(), { code: 'late' })));
	socket.on('connect', () => {
		// The address is gone once the socket is closed.
		verdict = judge(socket, PAGE);
		socket.write(`GET /?${tag} HTTP/1.0\r\n\r\n`);
	});
	socket.on('data', (data) => { text += data; });
	socket.on('error', (error) => done(error.code));
	socket.on('end', () => done(text.endsWith(PAGE) ? verdict : 'cut'));
}

function byHttp(module, done) {
	const options = { host, port, path: `/slow?${tag}`, agent: false,
			  timeout: PATIENCE_MS };
	module.get(options, (response) => {
		const { socket } = response;
		let text = '';
		response.setEncoding('utf8');
		response.on('data', (data) => { text += data; });
		response.on('end', () => done(judge(socket, text)));
	}).on('error', (error) => done(error.code))
		.on('timeout', () => done('late'));
}

async function byFetch(done) {
	try {
		const response = await fetch(`http://${host}:${port}/slow?${tag}`);
		done(judge({ remoteAddress: host }, await response.text()));
	} catch (error) {
		done(error.cause ? error.cause.code : error.message);
	}
}

const ways = {
	net: byNet,
	http: (done) => byHttp(http, done),
	https: (done) => byHttp(https, done),
	fetch: byFetch,
};

const one = () => new Promise((resolve) => ways[kind](resolve));

Promise.all(Array.from({ length: Number(count) }, one)).then((results) => {
	const tally = {};
	for (const result of results)
		tally[result] = (tally[result] || 0) + 1;
	for (const result of Object.keys(tally).sort())
		console.log(tally[result], result);
});
