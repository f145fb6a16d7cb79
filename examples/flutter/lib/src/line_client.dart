// The line's API, as far as an app needs it: the models, and an answer that is streamed.

import 'dart:convert';

import 'package:http/http.dart' as http;

/// One thing that was said; `role` is `user` or `assistant`.
class Message {
  const Message(this.role, this.content);

  final String role;
  final String content;

  Map<String, String> toJson() => {'role': role, 'content': content};
}

/// What the line answered instead of an answer.
class Fault implements Exception {
  const Fault(this.status, this.message, {this.retryAfter});

  /// The HTTP status; 0 for a stream that broke.
  final int status;
  final String message;

  /// How long asking again is no use.
  final Duration? retryAfter;

  /// Whether the token has ended or was taken back: ask your server for a new one.
  bool get needsToken => status == 401;

  @override
  String toString() => message;
}

/// Asks one line. The token is a short-lived one (`dsline token issue --valid 1h`); a key has no place in an app.
class LineClient {
  LineClient({required this.base, required this.token, http.Client? client}) : _client = client ?? http.Client();

  /// Such as `https://llm.example.com/v1`.
  final Uri base;
  final String token;
  final http.Client _client;

  /// The names of the models.
  Future<List<String>> models() async {
    final answer = await http.Response.fromStream(await _send('GET', '/models'));
    final data = jsonDecode(utf8.decode(answer.bodyBytes))['data'] as List;
    return [for (final model in data) model['id'] as String];
  }

  /// The pieces of the answer; whoever stops listening stops the answer.
  Stream<String> ask(String model, List<Message> messages) async* {
    final answer = await _send('POST', '/chat/completions', {
      'model': model,
      'messages': [for (final message in messages) message.toJson()],
      'stream': true,
    });
    await for (final line in answer.stream.transform(utf8.decoder).transform(const LineSplitter())) {
      // Everything else is a comment (a sign of life) or the empty line behind an event.
      if (!line.startsWith('data:')) continue;
      final data = line.substring(5).trim();
      if (data == '[DONE]') return;
      final event = jsonDecode(data) as Map<String, dynamic>;
      if (event['error'] != null) throw Fault(0, event['error']['message'] as String);
      final choices = event['choices'] as List? ?? const [];
      final piece = choices.isEmpty ? null : choices.first['delta']?['content'] as String?;
      if (piece != null && piece.isNotEmpty) yield piece;
    }
    throw const Fault(0, 'The connection ended before the answer did.');
  }

  void close() => _client.close();

  Future<http.StreamedResponse> _send(String method, String path, [Object? body]) async {
    final request = http.Request(method, Uri.parse('$base$path'));
    request.headers['Authorization'] = 'Bearer $token';
    if (body != null) {
      request.headers['Content-Type'] = 'application/json';
      request.bodyBytes = utf8.encode(jsonEncode(body));
    }
    final answer = await _client.send(request);
    if (answer.statusCode == 200) return answer;
    throw _faultOf(await http.Response.fromStream(answer));
  }
}

Fault _faultOf(http.Response answer) {
  final seconds = int.tryParse(answer.headers['retry-after'] ?? '');
  final retryAfter = seconds == null ? null : Duration(seconds: seconds);
  var message = 'The line answered with status ${answer.statusCode}.';
  try {
    message = jsonDecode(utf8.decode(answer.bodyBytes))['error']['message'] as String;
  } catch (_) {
    // Something before the line answered, in words of its own.
  }
  return Fault(answer.statusCode, message, retryAfter: retryAfter);
}
