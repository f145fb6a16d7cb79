// A widget with a question, the answer as it is written, a stop button, and what went wrong.

import 'dart:async';

import 'package:flutter/material.dart';

import 'line_client.dart';

class AskView extends StatefulWidget {
  const AskView({super.key, required this.client, required this.model, this.onTokenEnded});

  final LineClient client;
  final String model;

  /// Called when the line wants a new token.
  final VoidCallback? onTokenEnded;

  @override
  State<AskView> createState() => _AskViewState();
}

class _AskViewState extends State<AskView> {
  final _question = TextEditingController();
  StreamSubscription<String>? _answering;
  String _answer = '';
  String? _trouble;

  void _ask() {
    final question = _question.text.trim();
    if (question.isEmpty || _answering != null) return;
    setState(() {
      _answer = '';
      _trouble = null;
      _answering = widget.client.ask(widget.model, [Message('user', question)]).listen(
            (piece) => setState(() => _answer += piece),
            onError: _fail,
            onDone: () => setState(() => _answering = null),
            cancelOnError: true,
          );
    });
  }

  void _fail(Object cause) {
    setState(() {
      _answering = null;
      _trouble = cause is Fault ? cause.message : 'The line cannot be reached.';
    });
    if (cause is Fault && cause.needsToken) widget.onTokenEnded?.call();
  }

  void _stop() {
    unawaited(_answering?.cancel());
    setState(() => _answering = null);
  }

  @override
  void dispose() {
    unawaited(_answering?.cancel());
    _question.dispose();
    super.dispose();
  }

  @override
  Widget build(BuildContext context) {
    final isBusy = _answering != null;
    return Padding(
      padding: const EdgeInsets.all(16),
      child: Column(
        crossAxisAlignment: CrossAxisAlignment.stretch,
        children: [
          Expanded(
            child: SingleChildScrollView(
              child: Semantics(liveRegion: !isBusy, child: SelectableText(_answer)),
            ),
          ),
          if (isBusy) const LinearProgressIndicator(),
          if (_trouble != null)
            Semantics(
              liveRegion: true,
              child: Text(_trouble!, style: TextStyle(color: Theme.of(context).colorScheme.error)),
            ),
          Row(
            children: [
              Expanded(
                child: TextField(
                  controller: _question,
                  decoration: const InputDecoration(labelText: 'Question'),
                  onSubmitted: (_) => _ask(),
                ),
              ),
              const SizedBox(width: 8),
              FilledButton(onPressed: isBusy ? _stop : _ask, child: Text(isBusy ? 'Stop' : 'Ask')),
            ],
          ),
        ],
      ),
    );
  }
}
