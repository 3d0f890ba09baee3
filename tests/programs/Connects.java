// SPDX-License-Identifier: MIT
// Connects.java - "java Connects KIND COUNT HOST PORT TAG": COUNT connections at once
// by Java's own ways: nio (a selector that knows each channel before its connect),
// blocking (a thread and a Socket with a time limit for each), client (HttpClient) or
// async (AsynchronousSocketChannel)
//
// Prints how often each result came: "ok" is a page, else what the exception says. TAG
// is in the request, for the server's log.

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousSocketChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

public class Connects {
	static final String PAGE = "hello from the world\n";
	static final int PATIENCE_MS = 20_000;

	final int count;
	final String host;
	final int port;
	final String tag;

	Connects(String[] words) {
		count = Integer.parseInt(words[1]);
		host = words[2];
		port = Integer.parseInt(words[3]);
		tag = words[4];
	}

	byte[] request() {
		String text = "GET /slow?" + tag + " HTTP/1.0\r\n\r\n";
		return text.getBytes(StandardCharsets.US_ASCII);
	}

	InetSocketAddress target() throws IOException {
		return new InetSocketAddress(InetAddress.getByName(host), port);
	}

	static String judge(String text) {
		return text.endsWith(PAGE) ? "ok" : "cut";
	}

	static String named(Throwable error) {
		while (error.getCause() != null
				&& error.getMessage() == null
				|| error instanceof ExecutionException)
			error = error.getCause();
		return error.getClass().getSimpleName() + ": "
			+ error.getMessage();
	}

	// What one channel of the selector has come to.
	static class State {
		final ByteBuffer in = ByteBuffer.allocate(4096);
		String result = "late";
	}

	List<String> byNio() throws IOException {
		List<State> states = new ArrayList<>();
		try (Selector selector = Selector.open()) {
			for (int i = 0; i < count; i++) {
				State state = new State();
				states.add(state);
				SocketChannel channel = SocketChannel.open();
				channel.configureBlocking(false);
				channel.register(selector,
					SelectionKey.OP_CONNECT, state);
				if (channel.connect(target()))
					state.result = "connected at once";
			}
			long end = System.nanoTime()
				+ TimeUnit.MILLISECONDS.toNanos(PATIENCE_MS);
			int left = count;
			while (left > 0 && System.nanoTime() < end) {
				selector.select(1000);
				for (SelectionKey key : selector.selectedKeys())
					left -= advance(key) ? 1 : 0;
				selector.selectedKeys().clear();
			}
		}
		List<String> results = new ArrayList<>();
		for (State state : states)
			results.add(state.result);
		return results;
	}

	// True once the channel has its result.
	boolean advance(SelectionKey key) throws IOException {
		SocketChannel channel = (SocketChannel) key.channel();
		State state = (State) key.attachment();
		try {
			if (key.isConnectable()) {
				channel.finishConnect();
				if (!channel.getRemoteAddress().equals(target()))
					throw new IOException("another address");
				channel.write(ByteBuffer.wrap(request()));
				key.interestOps(SelectionKey.OP_READ);
				return false;
			}
			if (channel.read(state.in) >= 0)
				return false;
			state.result = judge(new String(state.in.array(), 0,
				state.in.position(), StandardCharsets.US_ASCII));
		} catch (IOException error) {
			state.result = named(error);
		}
		channel.close();
		return true;
	}

	String oneBlocking() {
		try (Socket socket = new Socket()) {
			socket.connect(target(), PATIENCE_MS);
			socket.setSoTimeout(PATIENCE_MS);
			socket.getOutputStream().write(request());
			return judge(new String(
				socket.getInputStream().readAllBytes(),
				StandardCharsets.US_ASCII));
		} catch (IOException error) {
			return named(error);
		}
	}

	List<String> byBlocking() throws Exception {
		ExecutorService pool = Executors.newFixedThreadPool(count);
		List<Future<String>> futures = new ArrayList<>();
		for (int i = 0; i < count; i++)
			futures.add(pool.submit(this::oneBlocking));
		List<String> results = new ArrayList<>();
		for (Future<String> future : futures)
			results.add(future.get());
		pool.shutdown();
		return results;
	}

	List<String> byClient() throws Exception {
		HttpClient client = HttpClient.newBuilder()
			.version(HttpClient.Version.HTTP_1_1)
			.connectTimeout(Duration.ofMillis(PATIENCE_MS)).build();
		HttpRequest request = HttpRequest.newBuilder(URI.create(
			"http://" + host + ":" + port + "/slow?" + tag)).build();
		List<CompletableFuture<String>> futures = new ArrayList<>();
		for (int i = 0; i < count; i++)
			futures.add(client.sendAsync(request,
					BodyHandlers.ofString())
				.thenApply(response -> judge(response.body()))
				.exceptionally(error -> named(error.getCause())));
		List<String> results = new ArrayList<>();
		for (CompletableFuture<String> future : futures)
			results.add(future.get(PATIENCE_MS,
				TimeUnit.MILLISECONDS));
		return results;
	}

	List<String> byAsync() throws Exception {
		List<AsynchronousSocketChannel> channels = new ArrayList<>();
		List<Future<Void>> connects = new ArrayList<>();
		for (int i = 0; i < count; i++) {
			channels.add(AsynchronousSocketChannel.open());
			connects.add(channels.get(i).connect(target()));
		}
		List<String> results = new ArrayList<>();
		for (int i = 0; i < count; i++) {
			try {
				connects.get(i).get(PATIENCE_MS,
					TimeUnit.MILLISECONDS);
				results.add(converse(channels.get(i)));
			} catch (ExecutionException error) {
				results.add(named(error));
			}
		}
		return results;
	}

	String converse(AsynchronousSocketChannel channel) throws Exception {
		ByteBuffer in = ByteBuffer.allocate(4096);
		channel.write(ByteBuffer.wrap(request())).get();
		while (channel.read(in).get(PATIENCE_MS,
				TimeUnit.MILLISECONDS) >= 0)
			;
		channel.close();
		return judge(new String(in.array(), 0, in.position(),
			StandardCharsets.US_ASCII));
	}

	List<String> run(String kind) throws Exception {
		switch (kind) {
		case "nio": return byNio();
		case "blocking": return byBlocking();
		case "client": return byClient();
		case "async": return byAsync();
		default: throw new IllegalArgumentException(kind);
		}
	}

	public static void main(String[] words) throws Exception {
		Map<String, Integer> tally = new TreeMap<>();
		for (String result : new Connects(words).run(words[0]))
			tally.merge(result, 1, Integer::sum);
		tally.forEach((result, times) ->
			System.out.println(times + " " + result));
		System.exit(0);
	}
}
