package gonb

// edit is one change of GoNB's source.
type edit struct{ file, why, old, new string }

// edits, each with what would be reported upstream.
var edits = []edit{
	// Completion waits twelve seconds.
	//
	// goplsclient.Client.Start polls for its gopls with a pause of
	// ConnectTimeout (12 s) before the first attempt, and WaitConnection looks
	// for the connection at the same pace. A constant that limits an attempt
	// serves as the pause between attempts: gopls listens after 50 ms, the
	// first complete_request is answered after up to 24 s, and as requests are
	// served one after another, so is every cell that was started meanwhile.
	// Mended by a pause of its own.
	//
	// And an answer takes longer than eight seconds where gopls has just
	// started and the machine is busy.
	{"internal/goexec/goplsclient/conn.go", "the pause between attempts to connect, and the time for an answer",
		"	CommunicationTimeout = 8000 * time.Millisecond\n",
		"	CommunicationTimeout = 20 * time.Second\n	connectPause         = 50 * time.Millisecond\n"},
	{"internal/goexec/goplsclient/exec.go", "the pause between attempts to connect",
		"case <-time.After(ConnectTimeout):", "case <-time.After(connectPause):"},
	{"internal/goexec/goplsclient/exec.go", "the pause between looks for a connection",
		"		<-time.After(ConnectTimeout)\n		c.mu.Lock()", "		<-time.After(connectPause)\n		c.mu.Lock()"},
	// It is not started again when it has been given up.
	{"internal/goexec/goplsclient/exec.go", "how long gopls may take to start",
		"StartTimeout = 30 * time.Second", "StartTimeout = 3 * time.Minute"},
	// gopls would look for faults in every package of the workspace, here the
	// whole library with its tests, before it answers: ten seconds.
	{"internal/goexec/goplsclient/conn.go", "what gopls looks at",
		"		ProcessID: 0,\n", "		ProcessID:             0,\n		InitializationOptions: map[string]any{\"expandWorkspaceToModule\": false},\n"},
	// The first request takes seconds, and each one longer than it need.
	//
	// GoNB opens every Go file of the modules in go.work in gopls, here the
	// whole library. The packages of open files gopls checks in full, with what
	// imports them, for each change of a cell. It reads files from disk as
	// well, if it is told when they change.
	{"internal/goexec/inspect.go", "tracked files", `	err = s.EnumerateUpdatedFiles(func(filePath string) error {
		klog.V(1).Infof("Notified of change to %q", filePath)
		return s.gopls.NotifyDidOpenOrChange(ctx, filePath)
	})
	if err != nil {
		return
	}
	return
`, `	var tracked []string
	err = s.EnumerateUpdatedFiles(func(filePath string) error {
		tracked = append(tracked, filePath)
		return nil
	})
	if err != nil {
		return
	}
	return s.gopls.NotifyWatched(ctx, tracked)
`},
	// And it opens the file in which a symbol is defined that the reader asks
	// about.
	{"internal/goexec/goplsclient/goplsclient.go", "the file of a definition", `	var results []lsp.Location
	results, err = c.CallDefinition(ctx, filePath, line, col)
	if err != nil {
		if klog.V(1).Enabled() {
			klog.Warningf("c.CallDefinition failed: %+v", err)
		}
		return "", err
	}
	for _, result := range results {
		if result.URI.Filename() != filePath && !isGoInternalOrCache(result.URI.Filename()) {
			err = c.NotifyDidOpenOrChange(ctx, result.URI.Filename())
			if err != nil {
				return "", err
			}
		}
	}
`, ""},
	// A question about a cell runs goimports and then go get, which takes
	// longer than the answer. What is missing comes when the cell is run.
	{"internal/goexec/execcode.go", "go get for a question", "	if !s.AutoGet {\n", "	if !s.AutoGet || msg == nil {\n"},
	// Imports that the cell does not use, goimports takes away before gopls is
	// asked. When an import that gopls has not seen comes back with another
	// cell, it runs go list anew.
	{"internal/goexec/execcode.go", "imports for a question", "		if !usedImports.Has(key) {\n",
		"		if msg != nil && !usedImports.Has(key) {\n"},
	// A cell that cannot be parsed yet, because a brace is missing, say, is
	// shown to gopls without imports, so that it guesses, and has to run go
	// list when they are back.
	{"internal/goexec/composer.go", "imports of an unfinished cell", "	fPath := s.AlternativeDefinitionsPath()\n	f, err = os.Create(fPath)\n",
		"	if err = s.importInUnfinished(decls); err != nil {\n		return\n	}\n	fPath := s.AlternativeDefinitionsPath()\n	f, err = os.Create(fPath)\n"},
	// gopls is left behind where a kernel is killed. On Linux it dies with the
	// kernel; elsewhere it ends by itself when no kernel has been connected for
	// a minute.
	{"internal/goexec/goplsclient/exec.go", "the end of gopls",
		"	c.goplsExec.Dir = c.dir\n", "	dieWithParent(c.goplsExec.SysProcAttr)\n	c.goplsExec.Dir = c.dir\n"},
	{"internal/goexec/goplsclient/exec.go", "the end of gopls",
		`"-listen", addr)`, `"-listen", addr, "-listen.timeout=1m")`},
	// gopls is looked for once, when the kernel starts, and started before
	// there is a go.work, so that a fast connection would not see the
	// workspace. Here it is started after that, or as soon as it has been
	// installed.
	{"internal/goexec/goexec.go", "the start of gopls", `	if _, err = exec.LookPath("gopls"); err == nil {
		s.gopls = goplsclient.New(s.TempDir)
		err = s.gopls.Start()
		if err != nil {
			klog.Errorf("Failed to start ` + "`gopls`" + `: %v", err)
		}
		klog.V(1).Infof("Started ` + "`gopls`" + `.")
	} else {
		msg := ` + "`" + `
Program gopls is not installed. It is used to inspect into code
and provide contextual information and autocompletion. It is a 
standard Go toolkit package. You can install it from the notebook
with:

` + "` + \"```\" + `" + `
!go install golang.org/x/tools/gopls@latest
` + "` + \"```\\n\"" + `
		klog.Error(msg)
	}
`, "	s.gopls = goplsclient.New(s.TempDir)\n"},
	{"main.go", "the start of gopls", "	// Orchestrate dispatching of messages.\n",
		"	go goExec.RunGopls(k.StoppedChan())\n\n	// Orchestrate dispatching of messages.\n"},
	{"internal/goexec/execcode.go", "the imports of a cell for gopls",
		"	s.Definitions = updatedDecls\n", "	s.Definitions = updatedDecls\n	s.cellCompiled()\n"},
	{"internal/goexec/inspect.go", "an answer without gopls", `	if s.gopls == nil {
		// gopls not installed.
		return make(kernel.MIMEMap), nil
	}
`, `	if why := s.goplsMissing(); why != "" {
		return kernel.MIMEMap{string(protocol.MIMETextPlain): why}, nil
	}
`},
	{"internal/goexec/inspect.go", "no answer without gopls", `	if s.gopls == nil {
		// gopls not installed.
		return
	}
`, `	if s.goplsMissing() != "" {
		return
	}
`},
	// gopls may be shown what cells import (see RunGopls) between a question's
	// program and the question itself, and answers that there is nothing there.
	{"internal/goexec/inspect.go", "one program at a time in gopls", `	// Notify about standard files updates:
	err = s.notifyAboutStandardAndTrackedFiles(ctx)
`, `	// Notify about standard files updates:
	shown.Lock()
	defer shown.Unlock()
	err = s.notifyAboutStandardAndTrackedFiles(ctx)
`},
	{"internal/goexec/inspect.go", "one program at a time in gopls", `	ctx := context.Background()
	err = s.notifyAboutStandardAndTrackedFiles(ctx)
`, `	ctx := context.Background()
	shown.Lock()
	defer shown.Unlock()
	err = s.notifyAboutStandardAndTrackedFiles(ctx)
`},
	// gopls sees all earlier programs behind that of the question, since each
	// change goes in at the beginning: an event without a range would replace
	// the text, but go.lsp.dev/protocol writes the range of nothing, 0:0 to
	// 0:0.
	{"internal/goexec/goplsclient/conn.go", "a change of the whole text", `	params := &lsp.DidChangeTextDocumentParams{
		TextDocument: lsp.VersionedTextDocumentIdentifier{
			TextDocumentIdentifier: lsp.TextDocumentIdentifier{
				URI: fileData.URI,
			},
			Version: int32(version),
		},
		ContentChanges: []lsp.TextDocumentContentChangeEvent{
			{
				Text: fileData.Content,
			},
		},
	}
`, "	params := wholeText(fileData.URI, int32(version), fileData.Content)\n"},
	// gopls runs go list on main.go while GoNB composes it, as yet without
	// imports, say, and notes what is in the file a moment later. When it is
	// then shown that very text, it takes the list for good: imports that it
	// lacks stay unknown, and so does all of their documentation.
	{"internal/goexec/goplsclient/conn.go", "a file opened", `		params := &lsp.DidOpenTextDocumentParams{
			TextDocument: lsp.TextDocumentItem{
				URI:        fileData.URI,
				LanguageID: "go",
				Version:    int32(fileVersion),
				Text:       fileData.Content,
			}}
		err = c.jsonConn.Notify(ctx, lsp.MethodTextDocumentDidOpen, params)
`, "		err = c.openLocked(ctx, fileData.URI, int32(fileVersion), fileData.Content)\n"},
	// What there is to say when there is no documentation.
	{"internal/goexec/goplsclient/goplsclient.go", "nothing to document",
		"		err = errors.Errorf(\"gopls request returned 'hover' with unexpected kind %q\", hover.Contents.Kind)\n",
		"		err = errors.WithStack(ErrNothing)\n"},
	{"internal/goexec/inspect.go", "why there is no documentation",
		"		parts := []string{errors.Cause(err).Error()}\n", "		parts := []string{undocumented(err)}\n"},
	// gopls counts columns in UTF-16, GoNB in bytes: with a Chinese comment or
	// string before the cursor it asks for another place.
	{"internal/goexec/inspect.go", "columns for gopls",
		"	desc, err = s.gopls.Definition(ctx, s.CodePath(), cursorInFile.Line, cursorInFile.Col)",
		"	desc, err = s.gopls.Definition(ctx, s.CodePath(), cursorInFile.Line, s.utf16Column(cursorInFile))"},
	{"internal/goexec/inspect.go", "columns for gopls",
		"	matches, replaceLength, err = s.gopls.Complete(ctx, s.CodePath(), cursorInFile.Line, cursorInFile.Col)",
		"	matches, replaceLength, err = s.gopls.Complete(ctx, s.CodePath(), cursorInFile.Line, s.utf16Column(cursorInFile))"},
	{"internal/goexec/inspect.go", "columns from gopls", `		replaceStr := cellLines[cursorLine][cursorCol-replaceLength : cursorCol]
		replaceLengthUTF16 := len(utf16.Encode([]rune(replaceStr)))
		reply.CursorStart -= replaceLengthUTF16
`, "		reply.CursorStart -= replaceLength\n"},
	{"internal/goexec/inspect.go", "columns from gopls", "	\"unicode/utf16\"\n", ""},

	// Opening a notebook changes it.
	//
	// kernel_info_reply carries the Go version that compiled the kernel, which
	// the front end stores in the notebook: it differs from machine to machine.
	// The version of the language that a cell may use is go.mod's. And
	// pygments_lexer is left empty, so that static pages show cells without
	// colours.
	{"internal/kernel/messages.go", "the version in language_info",
		"	Version           string `json:\"version\"`\n	MIMEType", "	Version           string `json:\"version,omitempty\"`\n	MIMEType"},
	{"internal/kernel/messages.go", "language_info",
		"				Version:       runtime.Version(),\n", "				PygmentsLexer: \"go\",\n"},
	{"internal/kernel/messages.go", "language_info", "	\"runtime\"\n", ""},

	// JupyterLab says "Unknown" of a kernel that has executed nothing: it does
	// not heed the states that come with a kernel_info_request, and GoNB sends
	// no other.
	{"internal/dispatcher/dispatcher.go", "the state of a new kernel",
		"		if err = kernel.SendKernelInfo(msg, Version); err != nil {\n			err = errors.WithMessagef(err, \"replying to 'kernel_info_request'\")\n		}\n",
		"		if err = kernel.SendKernelInfo(msg, Version); err != nil {\n			err = errors.WithMessagef(err, \"replying to 'kernel_info_request'\")\n		} else {\n			err = kernel.PublishIdle(msg)\n		}\n"},
	{"internal/kernel/messages.go", "the state of a new kernel",
		"// PublishExecuteInput publishes", `// PublishIdle says that the kernel is idle, in answer to no request.
func PublishIdle(msg Message) error {
	alone := &MessageImpl{kernel: msg.Kernel()}
	alone.Composed.Header.Session = msg.ComposedMsg().Header.Session
	alone.Composed.Header.Username = msg.ComposedMsg().Header.Username
	return PublishKernelStatus(alone, StatusIdle)
}

// PublishExecuteInput publishes`},

	// Errors for the reader, see package cellerror. Upstream it would be an
	// option beside -raw_error, whose place it takes here.
	{"internal/goexec/errorpublish.go", "errors of the compiler",
		"	nbErr := newGonbErrors(s, fileToCellIdAndLine, errorMsg, err)\n",
		"	if s.rawError {\n		return s.readableError(fileToCellIdAndLine, errorMsg, err)\n	}\n	nbErr := newGonbErrors(s, fileToCellIdAndLine, errorMsg, err)\n"},
	{"internal/goexec/errorpublish.go", "errors of the compiler",
		"	var nbErr *GonbError\n	if errors.As(err, &nbErr) {",
		"	if e, ok := asReadable(err); ok {\n		return e.split()\n	}\n	var nbErr *GonbError\n	if errors.As(err, &nbErr) {"},
	{"internal/jpyexec/jpyexec.go", "the exit status, which the error has too",
		"	if exec.exitError != nil {\n", "	if exec.exitError != nil && !exec.useNamedPipes {\n"},
	{"internal/goexec/execcode.go", "crashes", `	var stderr io.Writer = stderrWithAnnotator
`, `	var stderr io.Writer = stderrWithAnnotator
	var crash *crashWriter
	if s.rawError {
		crash = newCrashWriter(msg)
		stderr = crash
	}
`},
	{"internal/goexec/execcode.go", "crashes", `	if exitErr := jpyExec.ExitError(); exitErr != nil {
`, `	if crash != nil {
		return crash.end(s, fileToCellIdAndLine, jpyExec.ExitError())
	}
	if exitErr := jpyExec.ExitError(); exitErr != nil {
`},
	// The status bar says "Unknown" until a cell has run.
	//
	// JupyterLab ignores the states that belong to its own questions to the
	// kernel (untracked_message_types, kernel_info_request among them), and
	// GoNB tells no others. ipykernel also tells one that belongs to no
	// request. So does this, when the kernel has said who it is, which each new
	// page asks.
	{"internal/kernel/messages.go", "the state that belongs to no request", "func PublishKernelStatus(msg Message, status string) error {\n", `func PublishKernelStatus(msg Message, status string) error {
	if m, ok := msg.(*MessageImpl); ok && m.Composed.Header.MsgType == "kernel_info_request" && status == StatusIdle {
		own := *m
		own.Composed.Header = zmqMsgHeader{Session: m.Composed.Header.Session, Username: m.Composed.Header.Username}
		defer PublishKernelStatus(&own, status)
	}
`},
}
