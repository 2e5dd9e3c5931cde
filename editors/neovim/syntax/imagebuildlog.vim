" The log of a build.
if exists("b:current_syntax")
  finish
endif
syntax match imageBuildLogError "^error: .*"
syntax match imageBuildLogWarning "^warning: .*"
syntax match imageBuildLogStep "^\[\d\+/\d\+\]"
syntax match imageBuildLogPlace "(\w\+ at .*)$"
highlight default link imageBuildLogError DiagnosticError
highlight default link imageBuildLogWarning DiagnosticWarn
highlight default link imageBuildLogStep Number
highlight default link imageBuildLogPlace Comment
let b:current_syntax = "imagebuildlog"
