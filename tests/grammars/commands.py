# SYNTAX TEST "source.python" "Commands of images are shell"
image = base.with_commands(["apt-get update && echo \"$HOME\"", 'ls -l | wc'])
#            ^^^^^^^^^^^^^ meta.function-call.generic.python
#                            ^^^^^^^ meta.embedded.inline.shell
#                                           ^^ punctuation.separator.statement.and.shell
#                                                                ^^^^^^^^^^ meta.embedded.inline.shell
#                                                                          ^ string.quoted.single.python
image = base.with_commands(
    [
        "echo 'it is here",
#        ^^^^^^^^^^^^^^^^ meta.embedded.inline.shell
#                        ^ string.quoted.single.python
        f"echo {name}",
#       ^ - meta.embedded.inline.shell
#         ^^^^ - meta.embedded.inline.shell
        # a comment
#       ^^^^^^^^^^^ comment.line.number-sign.python
        make("x"),
    ],
    secret_mounts=["TOKEN"],
#   ^^^^^^^^^^^^^ variable.parameter.function-call.python
#                  ^^^^^^^ - meta.embedded.inline.shell
).with_pip_packages("httpx")
#                   ^^^^^^^ string.quoted.single.python - meta.embedded.inline.shell
y = "ls -l"
#   ^^^^^^^ string.quoted.single.python - meta.embedded.inline.shell
