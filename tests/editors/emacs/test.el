;;; Emacs with eglot: `emacs -Q --batch -l test.el'; WORKSPACE is a copy of the fixtures, PLUGIN the folder of image-lsp.el.
;;; -*- lexical-binding: t -*-
(require 'cl-lib)
(require 'flymake)
(load (expand-file-name "image-lsp.el" (getenv "PLUGIN")))
(setq eglot-sync-connect 30 eglot-confirm-server-edits nil)

(defun test-wait (what)
  "Wait until WHAT holds, and give it."
  (let ((end (+ (float-time) 30)) found)
    (while (and (not (setq found (funcall what))) (< (float-time) end))
      (accept-process-output nil 0.05))
    found))

(defmacro test-that (name &rest body)
  "NAME holds where BODY does."
  `(if (progn ,@body) (message "  ok   %s" ,name)
     (message "  FAIL %s" ,name)
     (kill-emacs 1)))

(defun test-open (name)
  (find-file (expand-file-name name (getenv "WORKSPACE")))
  (eglot-ensure)
  (unless (eglot-managed-p) (apply #'eglot (eglot--guess-contact)))
  (test-that (format "a server for %s" name) (test-wait #'eglot-managed-p)))

(test-open "mistake.py")
(flymake-start)
(test-that "findings"
  (test-wait (lambda () (cl-some (lambda (d) (string-match-p "IMG005\\|list" (flymake-diagnostic-text d)))
                                 (flymake-diagnostics)))))
(goto-char (point-min))
(search-forward "with_pip_packages([")
(let ((action (cl-find-if (lambda (a) (eq t (plist-get a :isPreferred))) (eglot-code-actions (point) (point) "quickfix"))))
  (test-that "a fix" action)
  (eglot-execute (eglot-current-server) action))
(test-that "the fix is applied"
  (test-wait (lambda () (save-excursion (goto-char (point-min)) (search-forward "with_pip_packages(\"httpx==0.27.0\", " nil t)))))
(set-buffer-modified-p nil)

(test-open "train.py")
(goto-char (point-min))
(search-forward "with_apt")
(let ((hover (jsonrpc-request (eglot-current-server) :textDocument/hover (eglot--TextDocumentPositionParams))))
  (test-that "a hover" (string-match-p "apt-get install" (plist-get (plist-get hover :contents) :value))))
(with-current-buffer (image-lsp-dockerfile)
  (test-that "image-lsp-dockerfile" (string-match-p "^RUN  echo one$" (buffer-string))))
(with-current-buffer (image-lsp-inspect)
  (test-that "image-lsp-inspect" (string-match-p "flyte.Image" (buffer-string))))
(when (getenv "DOCKER_HOST")
  (test-that "image-lsp-build" (member (plist-get (image-lsp-build) :status) '("built" "exists"))))
(eglot-shutdown (eglot-current-server))
