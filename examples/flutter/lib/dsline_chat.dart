// The package's face.

export 'src/ask_view.dart';
export 'src/line_client.dart';
