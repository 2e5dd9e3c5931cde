;;; image-lsp.el --- Container images for Flyte, by eglot -*- lexical-binding: t -*-

;; Author: the image-lsp authors
;; Version: 0.1.0
;; Package-Requires: ((emacs "28.1") (eglot "1.9"))
;; Keywords: languages, tools
;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; Loading this makes `M-x eglot' run `image-lsp --stdio' for Python files.  Findings come by flymake, hovers by eldoc,
;; fixes by `eglot-code-actions'.  Besides there are
;;
;;   M-x image-lsp-dockerfile   the Dockerfile of the image at point
;;   M-x image-lsp-build        builds it
;;   M-x image-lsp-inspect      everything that is known of it
;;
;; eglot runs one server for a buffer: where you use another one for Python, start this one by
;; `C-u M-x eglot RET image-lsp --stdio RET'.

;;; Code:

(require 'eglot)
(require 'jsonrpc)

(defgroup image-lsp nil
  "Container images for Flyte."
  :group 'tools
  :prefix "image-lsp-")

(defcustom image-lsp-command '("image-lsp" "--stdio")
  "The command line of the server."
  :type '(repeat string))

(add-to-list 'eglot-server-programs `((python-mode python-ts-mode) . ,image-lsp-command))

(defun image-lsp--ask (command &rest more)
  "Ask the server to run COMMAND on the image at point, with MORE arguments."
  (let* ((place (eglot--TextDocumentPositionParams))
         (point (plist-get place :position))
         (argument `(:uri ,(plist-get (plist-get place :textDocument) :uri)
                     :range (:start ,point :end ,point) ,@more)))
    (jsonrpc-request (eglot--current-server-or-lose) :workspace/executeCommand
                     `(:command ,command :arguments ,(vector argument)) :timeout 3600)))

(defun image-lsp--show (name text mode)
  "Show TEXT in a read-only buffer called NAME, in MODE where there is such a mode."
  (with-current-buffer (get-buffer-create name)
    (let ((inhibit-read-only t))
      (erase-buffer)
      (insert text)
      (goto-char (point-min)))
    (when (fboundp mode) (funcall mode))
    (view-mode 1)
    (display-buffer (current-buffer))
    (current-buffer)))

;;;###autoload
(defun image-lsp-dockerfile ()
  "Show the Dockerfile of the image at point."
  (interactive)
  (let ((answer (image-lsp--ask "imageLsp.showDockerfile" :show :json-false)))
    (image-lsp--show "*image-lsp Dockerfile*" (plist-get answer :text)
                     (if (fboundp 'dockerfile-mode) 'dockerfile-mode 'conf-mode))))

;;;###autoload
(defun image-lsp-build ()
  "Build the image at point, and tell its address."
  (interactive)
  (let ((built (image-lsp--ask "imageLsp.build")))
    (message "%s: %s" (plist-get built :status) (or (plist-get built :uri) ""))
    built))

;;;###autoload
(defun image-lsp-inspect ()
  "Show everything that is known of the image at point."
  (interactive)
  (let ((image (image-lsp--ask "imageLsp.inspect")))
    (image-lsp--show "*image-lsp image*" (pp-to-string image) 'lisp-data-mode)))

(provide 'image-lsp)
;;; image-lsp.el ends here
