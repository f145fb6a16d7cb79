// The client's requests are those of requests.json (tests/clients shows the same file to a gateway), and what it makes of answers.

import 'dart:convert';
import 'dart:io';

import 'package:dsline_chat/dsline_chat.dart';
import 'package:flutter_test/flutter_test.dart';
import 'package:http/http.dart' as http;
import 'package:http/testing.dart';

const question = [Message('user', 'What is a line?')];

LineClient lineThat(Future<http.Response> Function(http.Request) answers) =>
    LineClient(base: Uri.parse('https://llm.example.com/v1'), token: 'TOKEN', client: MockClient(answers));

http.Response events(List<String> events) => http.Response(events.map((data) => 'data: $data\n\n').join(), 200);

String piece(String text) => jsonEncode({
      'choices': [
        {
          'delta': {'content': text},
        },
      ],
    });

void main() {
  final shapes = jsonDecode(File('test/requests.json').readAsStringSync()) as Map<String, dynamic>;

  void hasShape(http.Request request, String name) {
    final shape = shapes[name] as Map<String, dynamic>;
    expect(request.method, shape['method']);
    expect(request.url.toString(), 'https://llm.example.com/v1${shape['path']}');
    (shape['headers'] as Map).forEach((header, value) => expect(request.headers[header], value));
    expect(request.body.isEmpty ? null : jsonDecode(request.body), shape['body']);
  }

  test('asks for the models', () async {
    final line = lineThat((request) async {
      hasShape(request, 'models');
      return http.Response('{"data":[{"id":"deepseek-flash"}]}', 200);
    });
    expect(await line.models(), ['deepseek-flash']);
  });

  test('gives the pieces of an answer', () async {
    final line = lineThat((request) async {
      hasShape(request, 'ask');
      return events([piece('A '), piece('line.'), '[DONE]']);
    });
    expect(await line.ask('deepseek-flash', question).toList(), ['A ', 'line.']);
  });

  test('an answer that breaks off is a fault', () async {
    final line = lineThat((_) async => events([piece('A ')]));
    await expectLater(line.ask('m', question), emitsInOrder(['A ', emitsError(isA<Fault>())]));
  });

  test('an ended token and a limit are told apart', () async {
    final ended = lineThat((_) async => http.Response('{"error":{"message":"expired"}}', 401));
    await expectLater(ended.models(), throwsA(isA<Fault>().having((f) => f.needsToken, 'needsToken', true)));
    final full = lineThat((_) async => http.Response('no JSON', 429, headers: {'retry-after': '7'}));
    await expectLater(
      full.models(),
      throwsA(isA<Fault>().having((f) => f.retryAfter, 'retryAfter', const Duration(seconds: 7))),
    );
  });
}
