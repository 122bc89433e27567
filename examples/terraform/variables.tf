variable "name" {
  description = "What the queue is called, and what the other names begin with."
  type        = string
  default     = "alarms"
}

variable "topics" {
  description = "Topics, one a severity or one a team; each is called NAME-TOPIC."
  type        = set(string)
  default     = ["critical", "high"]
}

variable "endpoint" {
  description = "HOST:PORT/PATH of tocsin's listener, as tocsin.example.com:8443/sns; null: the queue alone."
  type        = string
  default     = null
}

variable "basic_auth" {
  description = "User and password of sns.basic_auth, where tocsin.yaml has them."
  type = object({
    user     = string
    password = string
  })
  default   = null
  sensitive = true
}

variable "drill_topic" {
  description = "That of topics which tocsin sends its drills to (drill.topic); null: none."
  type        = string
  default     = null
}

variable "on_call_topic_arn" {
  description = "The topic of stackflow.fallback.sns, in no pattern of sns.topics; null: none."
  type        = string
  default     = null
}
